"""Two walls between organisations."""

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, connections, transaction

from accounts import tenancy
from accounts.models import ApiKey, Membership, Organisation
from accounts.tenancy import OrganisationScoped, UnscopedQuery
from tests.cast import Cast

pytestmark = pytest.mark.pg15


@pytest.mark.parametrize("method", ["all", "first", "count", "exists"])
def test_a_query_without_an_organisation_is_an_error(db: None, method: str) -> None:
    with pytest.raises(UnscopedQuery):
        getattr(Membership.objects, method)()


def test_without_a_scope_the_database_shows_nothing(cast: Cast) -> None:
    assert list(Membership.objects.for_organisation(cast.organisation_id)) == []
    assert list(Organisation.objects.all()) == []


def test_in_a_scope_it_shows_this_organisation_only(cast: Cast) -> None:
    with tenancy.scope(cast.organisation_id):
        assert Organisation.objects.get() == cast.organisation
        assert Membership.objects.for_organisation(cast.organisation_id).count() == 5
        assert not Membership.objects.for_organisation(cast.other_organisation.id).exists()


def test_scopes_nest_and_come_back(cast: Cast) -> None:
    with tenancy.scope(cast.organisation_id):
        with tenancy.scope(cast.other_organisation.id):
            assert Organisation.objects.get() == cast.other_organisation
        assert Organisation.objects.get() == cast.organisation


def test_a_scope_comes_back_after_an_error_inside(cast: Cast) -> None:
    with tenancy.scope(cast.organisation_id):
        with pytest.raises(ZeroDivisionError), tenancy.scope(cast.other_organisation.id):
            raise ZeroDivisionError
        assert Organisation.objects.get() == cast.organisation


def test_nothing_is_left_of_a_scope_after_it(cast: Cast) -> None:
    with tenancy.scope(cast.organisation_id):
        pass
    assert not Organisation.objects.exists()


def test_the_database_refuses_a_row_of_another_organisation(cast: Cast) -> None:
    with (
        tenancy.scope(cast.organisation_id),
        pytest.raises(DatabaseError, match="row-level security"),
        transaction.atomic(),
    ):
        Membership.objects.create(organisation_id=cast.other_organisation.id, user=cast.officer.user, role="owner")


def test_the_database_refuses_to_move_a_row_to_another_organisation(cast: Cast) -> None:
    with (
        tenancy.scope(cast.organisation_id),
        pytest.raises(DatabaseError, match="row-level security"),
        transaction.atomic(),
    ):
        ApiKey.objects.for_organisation(cast.organisation_id).update(organisation_id=cast.other_organisation.id)


def test_raw_sql_without_a_scope_sees_no_row(cast: Cast) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_membership")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("alias", ["default", "keys"])
def test_the_service_role_cannot_pass_row_security(db: None, alias: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False)
        cursor.execute("SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = current_user")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("alias", ["default", "keys"])
def test_every_table_with_an_organisation_has_forced_row_security(db: None, alias: str) -> None:
    """By the catalogue, so that a table which somebody forgets is found. Routing tables hold ids and digests only."""
    routing = {"accounts_route", "accounts_duework"}
    with connections[alias].cursor() as cursor:
        cursor.execute(
            """SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, EXISTS (
                   SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid) OR NOT has_table_privilege(c.oid, 'SELECT')
               FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organisation_id'
               WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND NOT a.attisdropped"""
        )
        found = {name: (forced, policy) for name, forced, policy in cursor.fetchall()}
    assert found
    assert {name for name, walls in found.items() if walls != (True, True)} <= routing


def test_every_scoped_model_is_among_them(db: None) -> None:
    tables = {model._meta.db_table for model in apps.get_models() if issubclass(model, OrganisationScoped)}
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
        assert tables <= {row[0] for row in cursor.fetchall()}
