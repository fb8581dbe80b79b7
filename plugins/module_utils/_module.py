# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AnsibleModule for tasks that carry thousands of passwords: from the options to a client, from a result to the exit.

`AnsibleModule` compares every `no_log` value with every string of the result: 10,000 users cost 30 seconds at
exit. It also writes the `repr` of a list option to the system log, where the masking of exact values misses a
password with a quotation mark or a backslash. This class takes the users' passwords out of the options before the
result is built. No result of this collection contains one, and text from elsewhere is masked where it comes in.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, NoReturn, Union

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import (
    connect,
    connection_problems,
    connection_secrets,
    option_error,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import ErrorStatus, InvalidInput, UiPathError
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import REQUESTS_IMPORT_ERROR
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import encoded_forms
from ansible_collections.rpaops.uipath.plugins.module_utils._option_types import type_problems
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable

try:
    from ansible.module_utils.secrets import register_secrets
except ImportError:  # ansible-core before 2.22 has no registry: it masks the exact values of no_log options only
    HAS_REGISTRY = False
else:
    HAS_REGISTRY = True

# Why a task failed as a whole.
AbortStatus = Literal["interrupted", "defect"]
TaskStatus = Union[ErrorStatus, AbortStatus]

INTERRUPTED = "The task was interrupted. Run it again with the same input: that is safe."
DEFECT = (
    "This is a defect of the collection. Please report it with the steps that led to it. It is not known what was sent"
    " before: run the task again"
)
WARN_UNVERIFIED = "validate_certs is false: an attacker who can answer in the server's place gets the secrets."
MOST_REGISTERED = 1000
HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
# These few stay among the values that ansible-core masks.
CONNECTION_SECRETS = ("access_token", "client_secret", "proxy")
SHOWN_OF_A_USER = ("user_id", "user_name")


def register_forms(secrets: Collection[str]) -> None:
    """Let ansible-core 2.22 and later mask the secrets and their encoded forms in all that it displays.

    Every form travels back to the controller: those of 10,000 users would take 100 MB. The results contain none of
    them anyway.
    """
    if HAS_REGISTRY and len(secrets) <= MOST_REGISTERED:
        for secret in secrets:
            register_secrets(encoded_forms(secret))


class UiPathModule(AnsibleModule):
    """An AnsibleModule whose options lose their users' passwords before it exits.

    Of an entry in the option `users`, and of options that the module does not know, only what is known to be no
    secret survives: a mistyped `old_pasword` is hidden like the right one.
    """

    def client(self, own_problems: list[str], connections: int = 1) -> Client:
        """Return a client that has not sent anything yet, if the whole input is valid."""
        problems = connection_problems(self.params, os.environ) + own_problems
        if problems:
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
        refused = False
        try:
            result = work()
        except UiPathError as error:
            refused = isinstance(error, InvalidInput)
            result = failure_of(error)
        except KeyboardInterrupt:
            result = failure("interrupted", INTERRUPTED)
        except Exception as error:  # a traceback could show the options' values
            result = defect(error)
        # Outside the except block: inside, ansible-core would attach the exception's text and traceback.
        if not result.pop("failed", False):
            self.exit_json(**result)
        self._forget_passwords()
        if refused:
            self._hide_options()
        super().fail_json(result.pop("msg"), **result)

    def _set_internal_properties(self, *arguments: Any, **named: Any) -> None:
        """Check the options as they were given: ansible-core converts them after it has called this."""
        super()._set_internal_properties(*arguments, **named)
        problems = type_problems(self.params, self.argument_spec)
        if problems:
            self.fail_json(**failure_of(InvalidInput(problems)))

    def _return_formatted(self, kwargs: dict[str, Any]) -> None:
        """Return the result, with `async` without the secrets that ansible-core 2.22 adds for the controller to mask.

        There it goes to a file that every user can read.
        """
        tracker = getattr(self, "_new_secrets", None)
        if tracker and "ANSIBLE_ASYNC_DIR" in os.environ:
            tracker.flush()
        super()._return_formatted(kwargs)

    def exit_json(self, **kwargs: Any) -> NoReturn:
        self._forget_passwords()
        super().exit_json(**kwargs)

    def fail_json(self, msg: str, **kwargs: Any) -> NoReturn:
        """Fail because of the options, as ansible-core does in the constructor: show none, and mask what it quotes."""
        self._hide_options()
        super().fail_json(option_error(msg, self.no_log_values, self.argument_spec), **kwargs)

    def _log_invocation(self) -> None:
        """Log that the module ran, without the value of any option."""
        self.log("Invoked with options " + ", ".join(sorted(name for name, value in self.params.items() if value)))

    def _hide_options(self) -> None:
        """Hide every option that was given: any option of an invalid input may contain a secret."""
        for name, value in self.params.items():
            if value is not None:
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
    status: TaskStatus,
    message: str,
    http_status: int | None = None,
    codes: Sequence[str] = (),
    trace_id: str | None = None,
) -> dict[str, Any]:
    """Return the result of a task that failed as a whole."""
    return {
        "failed": True,
        "msg": displayable(message),
        "status": status,
        "http_status": http_status,
        "error_codes": list(codes),
        "trace_id": trace_id,
    }


def failure_of(error: UiPathError) -> dict[str, Any]:
    """Return the result of a task that an error of this collection has ended."""
    return failure(error.status, error.message, error.http_status, error.codes, error.trace_id)


def defect(error: Exception) -> dict[str, Any]:
    """Return the result of a task that any other error has ended. Its text could contain a secret."""
    return failure("defect", f"{DEFECT} ({type(error).__name__})")


def reader_is_gone(descriptor: int = 1) -> bool:
    """Tell whether no process can read standard output any more: the run that started this module has ended."""
    poll = select.poll()
    poll.register(descriptor, 0)
    try:
        return bool(poll.poll(0))
    except OSError:
        return False
