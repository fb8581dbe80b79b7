"""Put pip into a virtual environment of ansible-test, which runs this in place of the script it would download."""

import subprocess
import sys

ONLY_OF_GET_PIP = {"--no-setuptools", "--no-wheel"}

arguments = [argument for argument in sys.argv[1:] if argument not in ONLY_OF_GET_PIP]
# A process of its own: ensurepip makes the pip of its own process forget the configuration.
subprocess.check_call([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "-qq", *arguments]))
