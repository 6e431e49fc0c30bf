"""The addresses of work. They are included at the root of the site."""

from django.urls import path, re_path

from django_site.work import favourites, job_pages, start_pages
from django_site.work.end_mail import wishes
from django_site.work.listing import many, pages, saved_views
from django_site.work.models import EndMail
from django_site.work.sharing import pages as sharing
from django_site.work.table_batch.pages import run_many

urlpatterns = [
    path("tasks/", start_pages.tasks, name="tasks"),
    re_path(r"^tasks/(?P<name>[a-z0-9_.]{1,100})/$", start_pages.start, name="start"),
    path("jobs/", pages.jobs, name="jobs"),
    re_path(r"^tasks/(?P<name>[a-z0-9_.]{1,100})/favour/$", favourites.favour, name="favour"),
    re_path(r"^tasks/(?P<name>[a-z0-9_.]{1,100})/many/$", run_many, name="run_many"),
    path("jobs/views/save/", saved_views.save_view, name="save_view"),
    path("jobs/views/forget/", saved_views.forget_view, name="forget_view"),
    path("jobs/many/", many.act_on_many, name="jobs_many"),
    path("jobs/<uuid:job_id>/", job_pages.job, name="job"),
    path("jobs/<uuid:job_id>/share/", sharing.make, name="share_make"),
    path("account/shares/", sharing.mine, name="account_shares"),
    re_path(r"^account/shares/(?P<share_id>[0-9a-f]{64})/end/$", sharing.end, name="share_end"),
    re_path(r"^shared/(?P<token>[A-Za-z0-9_-]{43})/$", sharing.shared, name="shared_job"),
    *(
        path(f"jobs/<uuid:job_id>/{action}/", job_pages.act, {"action": action}, f"job_{action}")
        for action in ("cancel", "retry", "delete")
    ),
    *(
        path(f"{plural}/<uuid:work_id>/mail/", wishes.want, {"kind": kind}, f"{kind}_mail")
        for kind, plural in EndMail.PATHS.items()
    ),
    path("batches/<uuid:batch_id>/", job_pages.batch, name="batch"),
    *(
        path(
            f"batches/<uuid:batch_id>/{action}/",
            job_pages.act_on_batch,
            {"action": action},
            f"batch_{action}",
        )
        for action in ("cancel", "delete")
    ),
]
