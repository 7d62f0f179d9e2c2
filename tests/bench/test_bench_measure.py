"""Readings of real processes, and the configuration that nginx gets."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bench.gateways import command_line, nginx_settings
from bench.measure import cpu_s, process_tree, resident_bytes
from bench.suite import CASES, Plan

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


def test_cpu_time_agrees_with_the_process_itself() -> None:
    before_s = time.process_time()
    read_s = cpu_s([os.getpid()])
    assert before_s <= read_s <= time.process_time()


def test_a_process_tree_has_its_children_and_their_memory() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        tree = process_tree(os.getpid())
        assert tree[0] == os.getpid()
        assert child.pid in tree
        assert resident_bytes([os.getpid()]) > 1_000_000
        child.communicate(b"\n")


def test_a_command_line_gets_its_ports(tmp_path: Path) -> None:
    make = command_line("gateway --to http://h:{upstream_port}/v1 --port {port} 'a b'")
    words = ["gateway", "--to", "http://h:2/v1", "--port", "1", "a b"]
    assert make(tmp_path, 1, 2) == words


def test_nginx_is_told_to_stream_and_to_stay_in_its_folder(tmp_path: Path) -> None:
    settings = nginx_settings(tmp_path, 1234, 5678)
    for line in (
        "listen 127.0.0.1:1234 ",
        "server 127.0.0.1:5678;",
        "proxy_buffering off;",
        "proxy_http_version 1.1;",
        "worker_processes 1;",
        "access_log off;",
        f"proxy_temp_path {tmp_path}/proxy;",
    ):
        assert line in settings


def test_cases_are_chosen_by_pattern() -> None:
    plan = Plan(only=["quirky*-paced", "memory"])
    assert [case for case in CASES if plan.has(case)] == [
        "quirky-paced",
        "quirky-empty-paced",
        "quirky-reasoning-paced",
        "memory",
    ]
