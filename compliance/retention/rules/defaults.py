"""The schedule that an organisation starts with."""

from compliance.retention.rules.schedules import ClockStart, Match, Rule, Schedule

DEFAULT_SCHEDULE = Schedule(
    rules=(
        Rule(
            "recordings-90",
            90,
            ClockStart.CALL_END,
            "sound shows who speaks and is rarely needed once the matter of the call is settled (GDPR Art. 5(1)(e))",
            Match(kinds=frozenset({"recording", "voicemail", "redacted_copy"})),
        ),
        Rule(
            "transcripts-kept",
            None,
            ClockStart.CALL_END,
            "transcripts are kept by default",
            Match(kinds=frozenset({"transcript"})),
            warning="Keeping transcripts without a limit needs a reason of your own: GDPR Art. 5(1)(e) allows personal "
            "data only as long as their purpose needs them. Set a number of days or write the reason down.",
        ),
        Rule(
            "deliveries-30",
            30,
            ClockStart.STORED,
            "raw webhook bodies serve only to process again and to settle what was sent (GDPR Art. 5(1)(c), (e))",
            Match(kinds=frozenset({"delivery"})),
        ),
        Rule(
            "export-packages-14",
            14,
            ClockStart.STORED,
            "the person has had two weeks to fetch the copy, and the originals remain (GDPR Art. 5(1)(e))",
            Match(kinds=frozenset({"export_package"})),
        ),
        Rule(
            "cached-downloads-1",
            1,
            ClockStart.STORED,
            "a cached copy serves one playback (GDPR Art. 5(1)(c), (e))",
            Match(kinds=frozenset({"cached_download"})),
        ),
        Rule(
            "everything-else-90",
            90,
            ClockStart.CALL_END,
            "whatever no other rule names is not kept longer than a recording (GDPR Art. 5(1)(e))",
        ),
    )
)
