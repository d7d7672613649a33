"""From which score on a detector reports."""

from guardian_cluster.contract.snapshot import DetectorThreshold
from guardian_cluster.watcher.thresholds import Thresholds


def threshold(
    detector: str, value: float, *, specialist: str = "writer", tenant: str = ""
) -> DetectorThreshold:
    return DetectorThreshold(detector=detector, specialist=specialist, tenant=tenant, value=value)


def test_a_tenants_own_threshold_comes_before_that_of_all():
    found = Thresholds("writer", [threshold("harm", 0.2, tenant="acme"), threshold("harm", 0.5)])

    assert (found.of("acme")["harm"], found.of("other")["harm"]) == (0.2, 0.5)


def test_a_tenant_has_the_thresholds_of_all_where_it_has_none_of_its_own():
    found = Thresholds("writer", [threshold("harm", 0.2, tenant="acme"), threshold("ungrounded", 0.5)])

    assert found.of("acme") == {"harm": 0.2, "ungrounded": 0.5}


def test_the_thresholds_of_other_specialists_do_not_count():
    assert Thresholds("writer", [threshold("harm", 0.2, specialist="other")]).of("acme") == {}
