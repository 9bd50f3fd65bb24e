"""The API, the console and the command: who may, what they see, what it leads to."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from accounts import tenancy
from compliance.reconciliation.models import Finding, Run
from tests.cast import Member
from tests.compliance.reconciliation.worlds import Folder, World

RUNS, FINDINGS = "/api/v1/reconciliation/runs", "/api/v1/reconciliation/findings"
SignIn = Callable[[Member], APIClient]


@pytest.fixture
def orphan(world: World, folder: Folder) -> Finding:
    folder.put(world.stray(), b"nobody knows me")
    folder.age()
    world.run()
    return world.finding("orphan")


def test_a_run_by_the_api(world: World, signed_in: SignIn) -> None:
    client = signed_in(world.cast.officer)
    answer = client.post(RUNS)
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    assert client.post(RUNS).json()["code"] == "already_running"
    world.work("reconciliation.run")
    run = client.get(f"{RUNS}/{answer.json()['id']}").json()
    assert (run["state"], run["objects_seen"], run["rows_seen"], run["counts"]) == ("finished", 12, 12, {})
    assert [one["id"] for one in client.get(RUNS).json()["results"]] == [run["id"]]
    assert client.get(f"{RUNS}/{run['id']}/report").status_code == 404  # not signed yet


@pytest.mark.parametrize(
    ("method", "address", "may", "may_not"),
    [
        ("get", RUNS, "auditor", "engineer"),
        ("post", RUNS, "officer", "colleague"),
        ("get", f"{RUNS}/{{run}}", "auditor", "engineer"),
        ("post", f"{RUNS}/{{run}}/continue", "officer", "colleague"),
        ("get", f"{RUNS}/{{run}}/report", "auditor", "engineer"),
        ("get", FINDINGS, "auditor", "engineer"),
        ("get", f"{FINDINGS}/{{finding}}", "auditor", "engineer"),
        ("post", f"{FINDINGS}/{{finding}}/propose-repair", "officer", "colleague"),
        ("post", f"{FINDINGS}/{{finding}}/approve-repair", "colleague", "auditor"),
        ("post", f"{FINDINGS}/{{finding}}/dismiss", "officer", "colleague"),
    ],
)
def test_who_may(
    world: World, orphan: Finding, signed_in: SignIn, method: str, address: str, may: str, may_not: str
) -> None:
    address = address.format(run=orphan.last_run_id, finding=orphan.id)
    body = {"code": "known"} if address.endswith("dismiss") else None
    if address.endswith("approve-repair"):
        signed_in(world.cast.officer).post(address.replace("approve", "propose"))

    def ask(member: Member) -> Any:
        return getattr(signed_in(member), method)(address, body, format="json")

    assert ask(getattr(world.cast, may_not)).status_code == 403
    outside = ask(world.cast.outsider)
    assert outside.status_code == 404 if "{" in address or str(world.organisation_id) in address else True
    if address not in {RUNS, FINDINGS}:
        assert outside.status_code in ({404, 403} if address.endswith("approve-repair") else {404})
    expected = {"report": 404, "continue": 409}.get(address.rpartition("/")[2])
    answer = ask(getattr(world.cast, may))
    assert answer.status_code == expected if expected else answer.status_code < 300, answer.content


def test_a_key_may_read_and_not_repair(world: World, orphan: Finding, api: APIClient, outsider_api: APIClient) -> None:
    assert [one["id"] for one in api.get(FINDINGS).json()["results"]] == [str(orphan.id)]
    assert outsider_api.get(FINDINGS).json()["results"] == []
    assert outsider_api.get(f"{FINDINGS}/{orphan.id}").status_code == 404
    assert api.post(f"{FINDINGS}/{orphan.id}/propose-repair").status_code == 403


def test_findings_are_filtered(world: World, orphan: Finding, api: APIClient, folder: Folder) -> None:
    folder.delete(world.key(0))
    run = world.run()
    ask = {
        "kind=orphan": 1, "kind=missing": 1, "kind=undead": 0, "state=open": 2, "state=repaired": 0,
        f"run={run.id}": 2, f"run={orphan.first_run_id}": 0, f"artifact={world.artifacts[0].id}": 1,
    }  # fmt: skip
    assert {query: len(api.get(f"{FINDINGS}?{query}").json()["results"]) for query in ask} == ask
    for wrong in ("kind=everything", "state=unknown", "run=1"):
        assert api.get(f"{FINDINGS}?{wrong}").status_code == 400


def test_a_repair_by_the_api(world: World, orphan: Finding, signed_in: SignIn, folder: Folder) -> None:
    officer, colleague = signed_in(world.cast.officer), signed_in(world.cast.colleague)
    address = f"{FINDINGS}/{orphan.id}"
    assert officer.post(f"{address}/dismiss", {"code": "tired"}, format="json").status_code == 400
    proposed = officer.post(f"{address}/propose-repair").json()
    assert (proposed["state"], proposed["repair"]) == ("proposed", "delete_object")
    assert officer.post(f"{address}/approve-repair").json()["code"] == "own_proposal"
    assert colleague.post(f"{address}/approve-repair").status_code == 202
    world.work("reconciliation.carry_out_repair")
    done = colleague.get(address).json()
    assert (done["state"], done["proof"]["left"]) == ("repaired", 0)
    assert not (folder.path / orphan.thing).exists()


def test_the_console_shows_runs_and_findings(
    world: World, orphan: Finding, console: Callable[[Member], Client]
) -> None:
    client = console(world.cast.officer)
    assert orphan.thing in client.get("/admin/reconciliation/finding/").content.decode()
    page = client.get(f"/admin/reconciliation/finding/{orphan.id}/change/").content.decode()
    assert "no row knows" in page
    assert "Propose repair" in page
    run = client.get(f"/admin/reconciliation/run/{orphan.last_run_id}/change/").content.decode()
    assert "orphan" in run
    assert console(world.cast.outsider).get(f"/admin/reconciliation/finding/{orphan.id}/change/").status_code in {
        302,
        404,
    }
    assert console(world.cast.engineer).get("/admin/reconciliation/finding/").status_code == 403


def test_a_repair_by_the_console(world: World, orphan: Finding, console: Callable[[Member], Client]) -> None:
    address = f"/admin/reconciliation/finding/{orphan.id}"
    assert console(world.cast.officer).post(f"{address}/propose/", {}).status_code == 302
    assert console(world.cast.officer).post(f"{address}/approve/", {}).status_code == 403
    assert console(world.cast.colleague).post(f"{address}/approve/", {}).status_code == 302
    world.work("reconciliation.carry_out_repair")
    (done,) = world.findings(is_open=False)
    assert done.state == Finding.State.REPAIRED


def test_a_run_by_the_console(world: World, console: Callable[[Member], Client]) -> None:
    assert console(world.cast.officer).post("/admin/reconciliation/run/start/", {}).status_code == 302
    with tenancy.scope(world.organisation_id):
        assert Run.objects.for_organisation(world.organisation_id).count() == 1


def reconcile(world: World, *options: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("reconcile", "--organisation", str(world.organisation_id), *options, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


def test_the_command(world: World, folder: Folder) -> None:
    code, said = reconcile(world, "--json")
    assert (code, json.loads(said)["state"]) == (0, "finished")
    folder.put(world.stray(), b"nobody knows me")
    folder.age()
    code, said = reconcile(world)
    assert code == 1
    assert "orphan 1" in said
    for _ in range(11):
        folder.put(world.stray(), b"nobody knows me")
    folder.age()
    assert reconcile(world)[0] == 2
    folder.path.rename(folder.path.with_name("unmounted"))
    assert reconcile(world)[0] == 75
    with pytest.raises(CommandError):
        call_command("reconcile", "--organisation", "01a20000-0000-7000-8000-000000000000")


def test_rows_are_seen_in_their_own_scope_only(world: World, orphan: Finding) -> None:
    with connection.cursor() as cursor:
        tables = ["reconciliation_run", "reconciliation_finding"]
        cursor.execute(
            "SELECT count(*) FROM pg_class WHERE relname = ANY(%s) AND relrowsecurity AND relforcerowsecurity", [tables]
        )
        assert cursor.fetchone()[0] == 2
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone()[0] == 0
    with tenancy.scope(world.cast.other_organisation.id), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM reconciliation_finding")
        assert cursor.fetchone()[0] == 0
