"""All guards that are removed."""

from tests.mutants.accounts import ACCOUNTS_MUTANTS
from tests.mutants.bytes_sent import BYTES_MUTANTS
from tests.mutants.gate import GATE_MUTANTS
from tests.mutants.jobs.files import FILES_MUTANTS
from tests.mutants.mails import MAIL_MUTANTS
from tests.mutants.operators import OPERATORS_MUTANTS
from tests.mutants.redis_servers import REDIS_MUTANTS
from tests.mutants.shares import SHARES_MUTANTS, SHOWN_MUTANTS
from tests.mutants.sharing import SHARING_MUTANTS
from tests.mutants.stores import STORES_MUTANTS
from tests.mutants.submitting import SUBMITTING_MUTANTS
from tests.mutants.waiting import WAITING_MUTANTS
from tests.mutants.work import WORK_MUTANTS

MUTANTS = (
    *GATE_MUTANTS,
    *BYTES_MUTANTS,
    *WORK_MUTANTS,
    *FILES_MUTANTS,
    *SHARING_MUTANTS,
    *SHOWN_MUTANTS,
    *SHARES_MUTANTS,
    *STORES_MUTANTS,
    *REDIS_MUTANTS,
    *ACCOUNTS_MUTANTS,
    *MAIL_MUTANTS,
    *SUBMITTING_MUTANTS,
    *WAITING_MUTANTS,
    *OPERATORS_MUTANTS,
)
