# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the time and the requests of rpaops.uipath.uipath_user_info with its alternative, on the simulator.

Both sides find the ids of 1,000 user names among 20,000 users, in turn and on the same server. The alternative pages
through the list with ansible.builtin.uri and filters it with ansible-core's own filters (json_query is part of another
collection and needs jmespath). It is given the organization's id, is case-sensitive, and does not detect names that two
users have. See README.md in this folder.
"""

from __future__ import annotations

from typing import NamedTuple

from bench import BenchmarkServer, conclude, demand, number_of_runs, play, row, simulator

USERS, NAMES, MOST_CALLS = 20_000, 1_000, 21
PARTITION = "7a2f0b1e-52f4-4f0e-9d0c-6a2b5d1c9e10"

MODULE = """
- hosts: localhost
  gather_facts: false
  tasks:
    - rpaops.uipath.uipath_user_info:
        identity_url: "{{ identity_url }}"
        client_id: "{{ client_id }}"
        client_secret: "{{ client_secret }}"
        partition_id: "{{ partition_id }}"
        names: "{{ names }}"
      register: found
    - ansible.builtin.assert:
        that: found.users | map(attribute='id') | length == names | length
"""
URI = """
- hosts: localhost
  gather_facts: false
  vars:
    listing: "{{ identity_url }}/api/User/users/{{ partition_id }}?top=1000&sortBy=userName&sortOrder=asc"
  tasks:
    - ansible.builtin.uri:
        url: "{{ identity_url }}/connect/token"
        method: POST
        body_format: form-urlencoded
        body:
          grant_type: client_credentials
          client_id: "{{ client_id }}"
          client_secret: "{{ client_secret }}"
      register: token
    - ansible.builtin.uri:
        url: "{{ listing }}&skip=0"
        headers:
          Authorization: "Bearer {{ token.json.access_token }}"
      register: first
    - ansible.builtin.uri:
        url: "{{ listing }}&skip={{ item }}"
        headers:
          Authorization: "Bearer {{ token.json.access_token }}"
      loop: "{{ range(1000, first.json.totalCount, 1000) | list }}"
      loop_control:
        label: "{{ item }}"
      register: rest
    - ansible.builtin.assert:
        that: ids | length == names | length
      vars:
        ids: "{{ ([first] + rest.results) | map(attribute='json.results') | flatten
          | selectattr('userName', 'in', names) | map(attribute='id') }}"
"""


class Lookup(NamedTuple):
    seconds: float
    calls: int


def measured(server: BenchmarkServer, text: str, names: list[str]) -> Lookup:
    """Run a playbook, and count its listing calls."""
    server.control("POST", "reset")
    seconds = play(text, server, names=names, partition_id=PARTITION).seconds
    return Lookup(seconds, server.control("GET", "report")["requests"]["list_users"])


def main() -> None:
    runs = number_of_runs(__doc__)
    names = [f"user{number:05d}" for number in range(0, USERS, USERS // NAMES)]
    with simulator() as server:
        server.control("POST", "users", {"generate": {"count": USERS}})
        pairs = [(measured(server, MODULE, names), measured(server, URI, names)) for _run in range(runs)]
    case = f"{NAMES:,} names among {USERS:,} users: uri and filters / the module"
    row(case, [uri.seconds / own.seconds for own, uri in pairs], ">= 1", [own.seconds for own, _uri in pairs])
    own_calls, uri_calls = (max(lookup.calls for lookup in side) for side in zip(*pairs))
    print(f"\nListing calls: {own_calls} of the module (wanted: <= {MOST_CALLS}), {uri_calls} of uri.")
    demand("listing calls", own_calls, f"<= {MOST_CALLS}")
    conclude()


if __name__ == "__main__":
    main()
