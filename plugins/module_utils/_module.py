# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AnsibleModule for tasks that carry thousands of passwords: from the options to a client, from a result to the exit.

`AnsibleModule` compares every `no_log` value with every string of the result: 10,000 users cost half a minute at
exit. It also writes the `repr` of a list option to the system log, where the masking of exact values misses a
password with a quotation mark or a backslash. This class takes the users' passwords out of the options before the
result is built. No result of this collection contains one, and text from elsewhere is masked where it comes in.
"""

from __future__ import annotations

import os
import re
import select
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import (
    connect,
    connection_problems,
    connection_secrets,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput, UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import REQUESTS_IMPORT_ERROR
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import MASK, encoded_forms

try:
    from ansible.module_utils.secrets import register_secrets
except ImportError:  # ansible-core before 2.22 has no registry: it masks the exact values of no_log options only
    HAS_REGISTRY = False
else:
    HAS_REGISTRY = True


INTERRUPTED = "The task was interrupted. Run it again with the same input: what was done before is found out then."
DEFECT = (
    "This is a defect of the collection. Please report it with the steps that lead here. What was sent before is not"
    " known: run the task again with the same passwords"
)
WARN_UNVERIFIED = "validate_certs is false: whoever can answer in the server's place gets the secrets."
MOST_REGISTERED = 1000
HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
# These few stay among the values that ansible-core masks.
CONNECTION_SECRETS = ("access_token", "client_secret", "proxy")
SHOWN_OF_A_USER = ("user_id", "user_name")
# What ansible-core says about an entry of a list of dicts that is something else.
QUOTED_ENTRY = re.compile(r"Value '.*' in(?= the sub parameter field)", re.DOTALL)


def register_forms(secrets: Collection[str]) -> None:
    """Let ansible-core 2.22 and later mask the secrets and their encoded forms in all that it displays.

    Every form travels back to the controller: those of 10,000 users would take 100 MB. The results hold none of them
    anyway.
    """
    if HAS_REGISTRY and len(secrets) <= MOST_REGISTERED:
        for secret in secrets:
            register_secrets(encoded_forms(secret))


class UiPathModule(AnsibleModule):
    """An AnsibleModule whose options lose their users' passwords before it exits.

    Of an entry in the option `users`, and of options that the module does not know, only what is known to be no
    secret survives: a mistyped `old_pasword` is hidden like the right one.
    """

    def __init__(self, **kwargs: Any) -> None:
        self._options_are_valid = False
        super().__init__(**kwargs)
        self._options_are_valid = True

    def client(self, own_problems: list[str], connections: int = 1) -> Client:
        """Return a client that has not sent anything yet, once the whole input was found to be right."""
        problems = connection_problems(self.params, os.environ) + own_problems
        if problems:
            self._options_are_valid = False
            raise InvalidInput(problems)
        secrets = connection_secrets(self.params, os.environ)
        self.no_log_values.update(secrets)
        register_forms(secrets)
        if not self.params["validate_certs"]:
            self.warn(WARN_UNVERIFIED)
        return connect(self.params, os.environ, check_mode=self.check_mode, connections=connections)

    def conclude(self, work: Callable[[], dict[str, Any]]) -> NoReturn:
        """Exit with the result of `work`, or with what ended it early."""
        if REQUESTS_IMPORT_ERROR:
            self.fail_json(missing_required_lib("requests"), exception=REQUESTS_IMPORT_ERROR)
        try:
            result = work()
        except UiPathError as error:
            result = failure(error.status, error.message, error.http_status, error.codes, error.trace_id)
        except KeyboardInterrupt:
            result = failure("interrupted", INTERRUPTED)
        except Exception as error:  # a traceback could show what the options hold
            result = failure("defect", f"{DEFECT} ({type(error).__name__})")
        # Outside the except block: inside, ansible-core would attach the exception's text and traceback.
        if result.pop("failed", False):
            self.fail_json(result.pop("msg"), **result)
        self.exit_json(**result)

    def exit_json(self, **kwargs: Any) -> NoReturn:
        self._forget_passwords()
        super().exit_json(**kwargs)

    def fail_json(self, msg: str, **kwargs: Any) -> NoReturn:
        if self._options_are_valid:
            self._forget_passwords()
        else:
            msg = self._masked_complaint(msg)
            self._hide_options()
        super().fail_json(msg, **kwargs)

    def _masked_complaint(self, msg: str) -> str:
        """Mask what ansible-core says about options that it refuses: it can quote a value."""
        msg = QUOTED_ENTRY.sub(f"Value '{MASK}' in", msg)
        for secret in sorted(self.no_log_values, key=len, reverse=True):  # one may begin with another
            if secret in msg:
                msg = msg.replace(secret, MASK)
        return msg

    def _log_invocation(self) -> None:
        """Tell the system log that the module ran, and nothing that an option says."""
        self.log("Invoked with options " + ", ".join(sorted(name for name, value in self.params.items() if value)))

    def _hide_options(self) -> None:
        """Hide every option that was given: in a refused input, a secret may stand anywhere."""
        for name, value in self.params.items():
            if isinstance(value, (str, list, dict)) and value:
                self.params[name] = HIDDEN

    def _forget_passwords(self) -> None:
        """Hide the users' passwords in the options, and stop looking for them in the result."""
        for name, value in self.params.items():
            if name == "users":
                self.params[name] = self._hidden_users(value)
            elif value and self.argument_spec.get(name, {"no_log": True}).get("no_log"):
                self.params[name] = HIDDEN
                if name not in CONNECTION_SECRETS:
                    self.no_log_values.discard(str(value))

    def _hidden_users(self, users: Any) -> Any:
        if not isinstance(users, list):
            return HIDDEN if users else users
        return [self._hidden_user(user) if isinstance(user, Mapping) else HIDDEN for user in users]

    def _hidden_user(self, user: Mapping[str, Any]) -> dict[str, Any]:
        self.no_log_values.difference_update(str(value) for value in user.values())
        return {name: value if name in SHOWN_OF_A_USER else HIDDEN for name, value in user.items()}


def failure(
    status: str,
    message: str,
    http_status: int | None = None,
    codes: Sequence[str] = (),
    trace_id: str | None = None,
) -> dict[str, Any]:
    """Return the result of a task that failed as a whole."""
    return {
        "failed": True,
        "msg": message,
        "status": status,
        "http_status": http_status,
        "error_codes": list(codes),
        "trace_id": trace_id,
    }


def reader_is_gone(descriptor: int = 1) -> bool:
    """Tell whether nobody can read standard output any more: the run that started this module has ended."""
    poll = select.poll()
    poll.register(descriptor, 0)
    try:
        return bool(poll.poll(0))
    except OSError:
        return False
