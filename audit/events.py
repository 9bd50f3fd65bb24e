"""The names of the entries that the log writes about itself."""

CHECKPOINT_PUBLISHED = "log.checkpoint.published"
ENTRIES_READ = "log.entries.read"
ENTRY_REFUSED = "log.entry.refused"
EXPORT_WRITTEN = "log.export.written"
