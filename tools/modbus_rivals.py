"""The rivals of the Modbus benchmark: a plain pymodbus loop as one writes it first, and ThingsBoard's gateway.

Never helps or hinders them: what they are given is what their own examples show.
Specification: pymodbus's examples/client_async.py; thingsboard-gateway 3.8.5, config/modbus.json.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

PERIOD_S = 1.0
REGISTERS = 10
THINGSBOARD = "thingsboard-gateway==3.8.5"
THINGSBOARD_FOLDER = Path.home() / ".cache" / "vuzol" / "thingsboard-gateway-3.8.5"
INSTALL_TIMEOUT_S = 300
_TIMEOUT_S = 3  # as pymodbus and ThingsBoard's examples have it


@dataclass(frozen=True, slots=True)
class Work:
    """What has to be polled: devices on TCP by host, units behind one gateway, units on a serial port."""

    hosts: tuple[str, ...] = ()
    port: int = 0
    gateway_port: int = 0
    gateway_units: int = 0
    serial: str = ""
    baud: int = 0
    serial_units: int = 0


@contextlib.contextmanager
def plain_loop(work: Work) -> Iterator[psutil.Process]:
    """The loop as a process."""
    command = [sys.executable, "-m", "tools.modbus_rivals", json.dumps(asdict(work))]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # pymodbus tells of every request without an answer
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


async def _loop(client: AsyncModbusTcpClient | AsyncModbusSerialClient, units: range) -> None:
    loop = asyncio.get_running_loop()
    await client.connect()
    while True:
        due_s = loop.time() + PERIOD_S
        for unit in units:
            with contextlib.suppress(ModbusException):
                await client.read_holding_registers(0, count=REGISTERS, device_id=unit)
        await asyncio.sleep(max(0.0, due_s - loop.time()))


async def _plain(work: Work) -> None:
    async with asyncio.TaskGroup() as tasks:
        for host in work.hosts:
            tasks.create_task(_loop(AsyncModbusTcpClient(host, port=work.port), range(1, 2)))
        if work.gateway_port:
            client = AsyncModbusTcpClient("127.0.0.1", port=work.gateway_port)
            tasks.create_task(_loop(client, range(1, work.gateway_units + 1)))
        if work.serial:
            serial = AsyncModbusSerialClient(work.serial, baudrate=work.baud)
            tasks.create_task(_loop(serial, range(1, work.serial_units + 1)))


def install_thingsboard() -> str:
    """Put the gateway into an environment of its own; why not, or nothing."""
    if (THINGSBOARD_FOLDER / "bin" / "thingsboard-gateway").exists():
        return ""
    try:
        venv.create(THINGSBOARD_FOLDER, with_pip=True)
        # what the gateway would install by itself when it starts comes along
        command = [
            str(THINGSBOARD_FOLDER / "bin" / "pip"),
            "install",
            "-qq",
            THINGSBOARD,
            "pymodbus==3.9.2",
            "pyserial-asyncio",
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        return f"{THINGSBOARD} cannot be installed: {error}"
    return ""


@contextlib.contextmanager
def thingsboard(work: Work, mqtt_port: int, folder: Path) -> Iterator[psutil.Process]:
    """The gateway as a process in a folder of its own, with a broker in ThingsBoard's place."""
    (folder / "logs").mkdir()
    for name, content in _thingsboard_files(work, mqtt_port).items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    process = subprocess.Popen(
        [THINGSBOARD_FOLDER / "bin" / "thingsboard-gateway"],
        cwd=folder,
        env=os.environ | {"TB_GW_CONFIG_DIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def _thingsboard_files(work: Work, mqtt_port: int) -> dict[str, object]:
    common = {
        "timeout": _TIMEOUT_S, "byteOrder": "BIG", "wordOrder": "BIG", "retries": 3, "retryOnEmpty": False,
        "retryOnInvalid": False, "pollPeriod": round(PERIOD_S * 1000), "connectAttemptTimeMs": 5000,
        "connectAttemptCount": 5, "waitAfterFailedAttemptsMs": 300000, "deviceType": "default", "attributes": [],
        "attributeUpdates": [], "rpc": [],
        "timeseries": [
            {"tag": "p", "type": "16uint", "address": 0, "objectsCount": 1, "functionCode": 3},
        ],
    }  # fmt: skip
    tcp = {"type": "tcp", "method": "socket"}
    serial = {
        "type": "serial",
        "method": "rtu",
        "port": work.serial,
        "baudrate": work.baud,
        "stopbits": 1,
        "bytesize": 8,
    }
    slaves = [common | tcp | {"host": host, "port": work.port, "unitId": 1, "deviceName": host} for host in work.hosts]
    slaves += [
        common | tcp | {"host": "127.0.0.1", "port": work.gateway_port, "unitId": unit, "deviceName": f"gateway {unit}"}
        for unit in range(1, work.gateway_units + 1)
    ]
    slaves += [
        common | serial | {"unitId": unit, "deviceName": f"serial {unit}", "parity": "N", "strict": False}
        for unit in range(1, work.serial_units + 1)
    ]
    limits = ("rateLimits", "dpRateLimits", "messagesRateLimits", "deviceMessagesRateLimits", "deviceRateLimits",
              "deviceDpRateLimits")  # fmt: skip
    server = {
        "host": "127.0.0.1", "port": mqtt_port, "remoteShell": False, "remoteConfiguration": False,
        "statistics": {"enable": False}, "deviceFiltering": {"enable": False, "filterFile": "list.json"},
        "maxPayloadSizeBytes": 8196, "minPackSendDelayMS": 50, "minPackSizeToSend": 500, "qos": 1,
        "checkConnectorsConfigurationInSeconds": 3600, "handleDeviceRenaming": True,
        "security": {"type": "accessToken", "accessToken": "bench"}, "reportStrategy": {"type": "ON_RECEIVED"},
        "checkingDeviceActivity": {"checkDeviceInactivity": False}, **dict.fromkeys(limits, "0:0,"),
    }  # fmt: skip
    loggers = ("service", "tb_connection", "storage", "database", "connector", "converter", "extension", "statistics")
    quiet = {"handlers": ["null"], "level": "CRITICAL"}
    return {
        "tb_gateway.json": {
            "thingsboard": server,
            "storage": {"type": "memory", "read_records_count": 100, "max_records_count": 100000},
            "grpc": {"enabled": False},
            "connectors": [{"name": "bench", "type": "modbus", "configuration": "modbus.json"}],
        },
        "modbus.json": {"master": {"slaves": slaves}},
        "logs.json": {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"null": {"class": "logging.NullHandler"}},
            "loggers": dict.fromkeys(loggers, quiet),
            "root": quiet,
        },
    }


if __name__ == "__main__":
    asyncio.run(_plain(Work(**json.loads(sys.argv[1]))))
