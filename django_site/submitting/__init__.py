"""Submit jobs from Django's side, in a person's name and after the transaction commits.

from django_site.submitting import submit

def close_month(request):
    with transaction.atomic():
        report = Report.objects.create(owner=request.user)
        job = submit("reports.close", {"report": report.pk}, user=request.user)
    return redirect("job", job.id)
"""

from django_site.submitting.errors import ApiAway, OutboxFull, SubmitError, SubmitRefused
from django_site.submitting.submission import Submission, submit

__all__ = [
    "ApiAway",
    "OutboxFull",
    "Submission",
    "SubmitError",
    "SubmitRefused",
    "submit",
]
