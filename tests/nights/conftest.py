# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seasons by their numbers, with their records in memory or on a disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultAES256
from ansible_collections.rpaops.uipath.tests.nights.disk import DiskPlace, quick_key
from ansible_collections.rpaops.uipath.tests.nights.memory import MemoryPlace
from ansible_collections.rpaops.uipath.tests.nights.network import HARDEST
from ansible_collections.rpaops.uipath.tests.nights.season import Season
from ansible_collections.rpaops.uipath.tests.nights.servers import DirectServer, SocketServer, configuration

SeasonOf = Callable[[int], Season]
# Every so many seasons have the hardest troubles alone, which seldom come together by chance.
HARDEST_EVERY = 4


def kinds(number: int) -> tuple[str, ...]:
    return () if number % HARDEST_EVERY else HARDEST


@pytest.fixture
def in_memory() -> SeasonOf:
    def season(number: int) -> Season:
        config = configuration(number)
        return Season(number, DirectServer(config), MemoryPlace(), config, kinds=kinds(number))

    return season


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SocketServer]:
    server = SocketServer(tmp_path_factory.mktemp("nights") / "server")
    yield server
    server.process.stop()


@pytest.fixture
def on_disk(server: SocketServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SeasonOf:
    """Without what takes most of the time, and what a killed process does not need."""
    monkeypatch.setattr(VaultAES256, "_create_key_cryptography", staticmethod(quick_key))
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)

    def season(number: int) -> Season:
        config = configuration(number)
        server.begin(config)
        folder = tmp_path / f"season{number}"
        folder.mkdir()
        return Season(number, server, DiskPlace(folder, server), config, kinds=kinds(number))

    return season
