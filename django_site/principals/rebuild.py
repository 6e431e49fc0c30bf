"""Make the entries of all people equal to the database."""

from django_site.principals.publish import correct_chunk, published_ids, user_ids
from django_site.publishing.people import id_of, rows_of
from django_site.publishing.rebuild import Progress, Rebuilt
from django_site.publishing.versions import begin_anew


def rebuild_people(progress: Progress) -> Rebuilt:
    """Publish every principal that differs and remove those without a row;
    tell how many people were looked at so far.

    Bounded memory, any number of people. Raises SessionStoreUnavailable,
    and what ``progress`` raises.
    """
    seen = written = pruned = 0
    begin_anew()
    # First who is gone, then who is there: somebody deleted before and made anew meanwhile is met
    # by the second look.
    for ids in published_ids():
        gone = sorted(set(ids) - {id_of(pk) for pk in rows_of(ids).values_list("pk", flat=True)})
        pruned += correct_chunk(gone) if gone else 0
        progress(seen)
    for ids in user_ids():
        written += correct_chunk(ids)
        seen += len(ids)
        progress(seen)
    return Rebuilt(seen=seen, written=written, pruned=pruned)
