"""Programs that stand in for docker, kind, kubectl, helm, minikube and k3d, and refuse what the real ones refuse.

All share a world, a JSON file beside them. Each call is written down there, and what a test wants to go wrong stands there.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

CONTEXTS = {
    "kind-dev": {},
    "k3d-dev": {},
    "minikube": {"extensions": [{"name": "cluster_info", "extension": {"provider": "minikube.sigs.k8s.io"}}]},
    "profile": {"extensions": [{"name": "cluster_info", "extension": {"provider": "minikube.sigs.k8s.io"}}]},
    "docker-desktop": {},
    "prod": {},
}
"""kubectl's contexts, with what their clusters have beside an address."""

NEW: dict[str, Any] = {
    "calls": [],
    "images": [],
    "containers": {},
    "daemon": "",
    "buildx": True,
    "docker": "Docker version 28.2.2, build e6534b4",
    "kind": "kind v0.33.0 go1.26.0 linux/amd64",
    "kubectl": "Client Version: v1.36.3",
    "helm": "v4.0.1+g12500dd",
    "context": "kind-dev",
    "create": "",
    "applied": "",
    "values": "",
}


class World:
    """What the programs share."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __getitem__(self, name: str) -> Any:
        return json.loads(self._file.read_text())[name]

    def __setitem__(self, name: str, value: Any) -> None:
        temporary = self._file.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps({**json.loads(self._file.read_text()), name: value}))
        temporary.replace(self._file)

    def start(self) -> None:
        """Be as new."""
        self._file.write_text(json.dumps(NEW))

    def calls(self, program: str) -> list[str]:
        """Return the arguments of a program's calls."""
        return [" ".join(words) for name, *words in self["calls"] if name == program]


def install(folder: Path, *names: str) -> World:
    """Write programs into a folder, and make their world."""
    world = World(folder / "world.json")
    world.start()
    for name in names:
        (folder / name).write_text(
            f"#!{sys.executable} -IS\nimport pathlib, sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n"
            f"import programs\nprograms.run({name!r}, programs.World(pathlib.Path({str(folder)!r}, 'world.json')))\n"
        )
        (folder / name).chmod(0o755)
    return world


def run(name: str, world: World) -> None:
    """Be one of the programs."""
    words = sys.argv[1:]
    world["calls"] = [*world["calls"], [name, *words]]
    {"docker": docker, "kind": kind, "kubectl": kubectl, "helm": helm, "minikube": loader, "k3d": loader}[name](
        world, words
    )


def fail(text: str, code: int = 1) -> NoReturn:
    print(text, file=sys.stderr)
    sys.exit(code)


def option(words: list[str], name: str, otherwise: str = "") -> str:
    return words[words.index(name) + 1] if name in words else otherwise


def docker(world: World, words: list[str]) -> None:
    if words == ["--version"]:
        print(world["docker"])
        return
    if words[0] == "buildx":
        if not world["buildx"]:
            fail("docker: unknown command: docker buildx\n\nRun 'docker --help' for more information")
        return
    if world["daemon"]:
        fail(f"{world['daemon']}\nerrors pretty printing info" if words[0] == "info" else world["daemon"])
    {
        "info": lambda: print("Server Version: 28.2.2"),
        "build": lambda: build(world, words),
        "image": lambda: sys.exit(words[-1] not in world["images"]),
        "ps": lambda: processes(world, words),
        "start": lambda: world.__setitem__(
            "containers", {**world["containers"], words[1]: {**world["containers"][words[1]], "state": "running"}}
        ),
        "rm": lambda: world.__setitem__(
            "containers", {key: each for key, each in world["containers"].items() if key not in words}
        ),
        "exec": lambda: print('{"kind": "Event"}'),
        "tag": lambda: None,
        "save": lambda: Path(option(words, "--output")).write_text(words[-1]),
    }[words[0]]()


def build(world: World, words: list[str]) -> None:
    built_in = "version 20." in world["docker"]
    with_buildkit = os.environ.get("DOCKER_BUILDKIT") == "1"
    if not world["buildx"] and not built_in and with_buildkit:
        fail("ERROR: BuildKit is enabled but the buildx component is missing or broken.")
    if "--secret" in words and not world["buildx"] and not (built_in and with_buildkit):
        fail("unknown flag: --secret", 125)
    world["images"] = [*world["images"], option(words, "--tag")]


def processes(world: World, words: list[str]) -> None:
    wanted = option(words, "--filter").removeprefix("label=io.x-k8s.kind.cluster=")
    for key, each in world["containers"].items():
        if each["cluster"] == wanted and (each["state"] == "running" or "--all" in words):
            print(key, f"{wanted}-control-plane", each["state"])


def kind(world: World, words: list[str]) -> None:
    name = option(words, "--name")
    if words == ["version"]:
        print(world["kind"])
    elif words[:2] == ["create", "cluster"]:
        create(world, name, words)
    elif words[:2] == ["get", "kubeconfig"]:
        print(f"kubeconfig of {name}")
    elif words[:2] == ["load", "docker-image"]:
        if words[2] not in world["images"]:
            fail(f'ERROR: image: "{words[2]}" not present locally')
    elif words[:2] == ["load", "image-archive"]:
        if not Path(words[2]).is_file():
            fail(f"ERROR: open {words[2]}: no such file or directory")
    else:
        fail(f"ERROR: unknown command {words}")


def create(world: World, name: str, words: list[str]) -> None:
    if any(each["cluster"] == name for each in world["containers"].values()):
        fail(f'ERROR: failed to create cluster: node(s) already exist for a cluster with the name "{name}"')
    if "fails" in world["create"]:
        cause = "ERROR: failed to create cluster: could not find a log line that matches"
        fail("\n".join(["Creating cluster ...", cause, "Stack Trace:", *[f"main.go:{line}" for line in range(200)]]))
    if not option(words, "--kubeconfig"):
        (Path.home() / ".kube").mkdir()
    Path(option(words, "--kubeconfig")).write_text("kind's")
    world["containers"] = {
        **world["containers"],
        f"{name}-{len(world['calls'])}": {"cluster": name, "state": "running"},
    }
    if "hangs" in world["create"]:
        print("waiting", file=sys.stderr, flush=True)
        signal.pause()


def kubectl(world: World, words: list[str]) -> None:
    if words[0] == "config":
        contexts(world, words)
    elif "--client" in words:
        print(world["kubectl"])
    elif "get" in words:
        get(words)
    elif "apply" in words:
        if any("/examples/" in word for word in words):
            fail("that is all that this kubectl can do")
        world["applied"] += sys.stdin.read()
    elif "wait" in words and not all(each["state"] == "running" for each in world["containers"].values()):
        fail("The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?")


def contexts(world: World, words: list[str]) -> None:
    context = world["context"]
    if "current-context" in words:
        print(context)
        return
    cluster = {"server": "https://127.0.0.1:1", **CONTEXTS.get(context, {})}
    clusters = [{"name": "it", "cluster": cluster}] if context else None
    print(json.dumps({"current-context": context, "clusters": clusters}))


def get(words: list[str]) -> None:
    if "deployment" in words:
        counts = dict.fromkeys(("observedGeneration", "replicas", "updatedReplicas", "readyReplicas"), 1)
        print(json.dumps({"metadata": {"generation": 1}, "spec": {"replicas": 1}, "status": counts}))
    elif "--ignore-not-found" not in words:
        print(json.dumps({"items": []}))


def helm(world: World, words: list[str]) -> None:
    if words[0] == "version":
        print(world["helm"])
    elif words[0] == "upgrade":
        world["values"] = sys.stdin.read()


def loader(world: World, words: list[str]) -> None:
    image = next(word for word in words if ":" in word or word.endswith(".tar"))
    if not Path(image).is_file() and image not in world["images"]:
        fail(f"unable to load image: {image}")
