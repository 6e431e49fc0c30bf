"""The addresses of operators."""

from django.urls import path

from django_site.operators import (
    job_pages,
    overview_page,
    person_page,
    record_pages,
    timeline_page,
    times_page,
)

urlpatterns = [
    path("", overview_page.overview, name="operators"),
    path("pause/", overview_page.pause, name="operators_pause"),
    path("resume/", overview_page.resume, name="operators_resume"),
    path("jobs/", job_pages.jobs, name="operators_jobs"),
    path("jobs/act/", job_pages.act, name="operators_act"),
    path("people/<str:person_id>/", person_page.person, name="operators_person"),
    path("failures/", record_pages.failures, name="operators_failures"),
    path("timeline/", timeline_page.timeline, name="operators_timeline"),
    path("times/", times_page.times, name="operators_times"),
    path("record/", record_pages.record, name="operators_record"),
]
