import pytest
from tests.faults.test_killed_erasure import *
from tests.faults.test_killed_erasure import _approved, _kill_every_worker
@pytest.mark.parametrize("table", ["dsr_certificate", "dsr_package"])
def test_lost_letter(origin, servers, jobs, media, tmp_path, table):
    erasure, report = _approved(jobs, media), tmp_path / "report"
    leave()
    with new_world(servers, tmp_path / "measured", origin) as world:
        trail = in_child(lambda steps: erasure.finish(world, steps), report).trail
    at = next(i for i, (_, what) in enumerate(trail) if f'INSERT INTO "{table}"' in what)
    at = next(i for i, (_, what) in enumerate(trail) if i > at and what.startswith("after default: COMMIT"))
    with new_world(servers, tmp_path / "d", origin) as world:
        life = in_child(lambda steps: erasure.finish(world, steps), report, Death(at + 1, frozenset()))
        print(life.killed_at)
        world.let_time_pass()
        in_child(lambda steps: erasure.finish(world, steps), report)
        assert_finished_once(erasure, world)
