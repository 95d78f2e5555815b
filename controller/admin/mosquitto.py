"""Files for a mosquitto that runs already: who may come in, and each to his own topics alone.

Never starts or stops it: whoever owns it has it read them (SIGHUP), and nobody who is still welcome notices.
Specification: mosquitto.conf(5); controller/transports/broker_access.py for who may do what.
"""

from pathlib import Path

from controller import config as configuration
from controller.config import ConfigError
from controller.registry import load_registry
from controller.secret_files import SecretFault, read_secret, write_secret
from controller.transports.broker_access import CONTROLLER, guests, mosquitto_acl, mosquitto_passwords

_LISTENER = """\
# For mosquitto.conf; written by vuzol broker-acl. After each change: systemctl reload mosquitto
per_listener_settings true
listener {port}
allow_anonymous false
acl_file {folder}/acl
# Either names and passwords, by TLS or in the open:
password_file {folder}/passwords
# or certificates of vuzol ca; then take password_file away:
#require_certificate true
#use_identity_as_username true
#crlfile {folder}/crl.pem
#cafile {folder}/authority.pem
#certfile {folder}/broker.crt
#keyfile {folder}/broker.key
"""


class AclError(Exception):
    """The files cannot be written; the text is one sentence that says what to do."""


def write(config_path: Path, folder: Path) -> list[Path]:
    """The files, whose secrets are hashes. Raises AclError."""
    try:
        config = configuration.load(config_path)
        if config.mqtt.embedded:
            raise AclError("The embedded broker keeps its own list: this is for mqtt.embedded = false.")
        if (config.mqtt.username or CONTROLLER) != CONTROLLER:
            raise AclError(
                f"The controller's name at the broker is {CONTROLLER}: write mqtt.username = {CONTROLLER!r}."
            )
        password = None
        if config.mqtt.password_file:
            password = read_secret(Path(config.mqtt.password_file), "mqtt.password_file")
        entries = load_registry(Path(config.nodes.registry), Path(config.nodes.master_key))
        found = guests(entries, config.relay, password)
        folder.mkdir(parents=True, exist_ok=True)
        texts = {"acl": mosquitto_acl(found), "passwords": mosquitto_passwords(found)}
        texts["listener.conf"] = _LISTENER.format(port=config.mqtt.port, folder=folder.resolve())
        for name, text in texts.items():
            write_secret(folder / name, text)
    except (ConfigError, SecretFault) as error:
        raise AclError(str(error)) from None
    except OSError as error:
        raise AclError(f"{error.filename} cannot be written ({error.strerror}): give another --to.") from None
    return [folder / name for name in texts]
