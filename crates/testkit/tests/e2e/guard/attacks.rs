//! Attempts to run on the host what no rule of the session allows, each by a real
//! order. The scripts themselves are allowed; what they start is not.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;

/// What shows that an attack failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// The guard denied a program.
    Denied,
    /// The kernel refused a call, and the script says so.
    Refused,
}

use Sign::{Denied, Refused};

/// `@` is the folder of the test, `LOADER` the dynamic loader. Every one of them would
/// print `uid=` if it worked.
const SHELL: &[(&str, &str)] = &[
    ("plain", "/usr/bin/id"),
    ("in the background", "/usr/bin/id & wait"),
    ("in a subshell", "( /usr/bin/id )"),
    ("in a substitution", "echo $(/usr/bin/id)"),
    ("by a variable", "x=/usr/bin/id; $x"),
    ("by eval", "eval /usr/bin/id"),
    ("by exec", "exec /usr/bin/id"),
    ("by a trap", "trap /usr/bin/id EXIT"),
    ("by a nested shell", "sh -c /usr/bin/id"),
    ("piped into a shell", "echo /usr/bin/id | sh"),
    ("as a here-document", "sh <<X\n/usr/bin/id\nX"),
    ("by env", "env id"),
    ("by xargs", "echo | xargs id"),
    ("by find", "find /etc/hostname -exec id \\;"),
    ("by timeout", "timeout 9 id"),
    ("in a session of its own", "setsid id"),
    ("without hang-up", "nohup id"),
    ("by a symbolic link", "@/link/ls"),
    ("by a copy", "@/copy/ls"),
    ("by a copy in PATH", "PATH=@/copy ls"),
    ("by the root of /proc", "/proc/self/root/usr/bin/id"),
    ("by a detour", "/usr/bin/../bin/id"),
    ("by the loader", "LOADER /usr/bin/id"),
    (
        "by the loader under another name",
        "LOADER --argv0 ls /usr/bin/id",
    ),
    ("by a library of its own", "LD_PRELOAD=@/x.so ls /"),
    ("by a search path of its own", "LD_LIBRARY_PATH=@ ls /"),
    ("in another namespace", "unshare -r id"),
    ("as root", "su -c id"),
    ("after killing the watcher", "kill -9 $PPID; /usr/bin/id"),
    (
        "after stopping the watcher",
        "kill -STOP $PPID; /usr/bin/id",
    ),
    ("by awk", "awk 'BEGIN { system(\"id\") }'"),
    ("by perl", "perl -e 'exec \"id\"'"),
    (
        "in a flood",
        "i=0; while [ $i -lt 50 ]; do ls / >/dev/null & i=$((i+1)); done; id; wait",
    ),
];

const PYTHON: &[(&str, Sign, &str)] = &[
    (
        "by a lie about its name",
        Denied,
        "os.execv('/usr/bin/id', ['ls'])",
    ),
    (
        "from memory",
        Denied,
        "f = os.memfd_create('ls')\nos.write(f, image)\nos.execve(f, ['ls'], env)",
    ),
    (
        "from a deleted file",
        Denied,
        "p = tempfile.mkdtemp() + '/ls'\nopen(p, 'wb').write(image)\nos.chmod(p, 0o755)\n\
         f = os.open(p, os.O_RDONLY)\nos.unlink(p)\nos.execve(f, ['ls'], env)",
    ),
    (
        "from a thread",
        Denied,
        "threading.Thread(target=lambda: os.execv('/usr/bin/id', ['id'])).start()\ntime.sleep(9)",
    ),
    (
        "as an orphan",
        Denied,
        "p = os.fork()\nif p == 0:\n    os.setsid()\n    if os.fork() == 0: \
         os.execv('/usr/bin/id', ['id'])\n    os._exit(0)\nos.waitpid(p, 0)",
    ),
    (
        "by a spawn",
        Denied,
        "os.waitpid(os.posix_spawn('/usr/bin/id', ['id'], env), 0)",
    ),
    ("by system", Denied, "os.system('id')"),
    (
        "by an audit library",
        Denied,
        "os.execve('/usr/bin/ls', ['ls', '/'], {**env, 'LD_AUDIT': '/x.so'})",
    ),
    (
        "with two values of a variable",
        Denied,
        "os.execve('/usr/bin/ls', ['ls', '/'], {**env, 'PATH': '/tmp'})",
    ),
    (
        "by swapping a file",
        Denied,
        "d = tempfile.mkdtemp()\nimport shutil\nshutil.copy('/usr/bin/ls', d + '/ls')\n\
         shutil.copy('/usr/bin/id', d + '/other')\nos.chmod(d + '/ls', 0o755)\n\
         os.rename(d + '/other', d + '/ls')\nos.execv(d + '/ls', ['ls'])",
    ),
    (
        "by tracing another",
        Refused,
        "refused(101 if x86 else 117, 16, os.getppid())",
    ),
    (
        "by writing into another",
        Refused,
        "refused(311 if x86 else 271, os.getppid(), 0)",
    ),
    (
        "outside the tree",
        Refused,
        "refused(56 if x86 else 220, 0x00800000 | 17, 0)",
    ),
    (
        "in a user namespace",
        Refused,
        "refused(272 if x86 else 97, 0x10000000, 0)",
    ),
    (
        "in a mount namespace",
        Refused,
        "refused(272 if x86 else 97, 0x00020000, 0)",
    ),
    (
        "in another's namespace",
        Refused,
        "refused(308 if x86 else 268, 0, 0)",
    ),
    (
        "by writing memory files",
        Refused,
        "try: os.open('/proc/self/mem', os.O_WRONLY)\nexcept OSError: print('refused')",
    ),
    (
        "by reading the watcher",
        Refused,
        "try: open(f'/proc/{os.getppid()}/environ').read()\nexcept OSError: print('refused')",
    ),
    (
        "by killing the watcher",
        Refused,
        "try: os.kill(os.getppid(), 9)\nexcept OSError: print('refused')",
    ),
    (
        "by talking to the watcher",
        Refused,
        "try: os.listdir('AGENT')\nexcept OSError: print('refused')",
    ),
];

const PREAMBLE: &str = "import ctypes, os, platform, sys, tempfile, threading, time
env = dict(os.environ)
image = open('/usr/bin/id', 'rb').read()
x86 = platform.machine() == 'x86_64'
libc = ctypes.CDLL(None, use_errno=True)
def refused(number, *words):
    words = [ctypes.c_long(word) for word in words]
    zero = ctypes.c_long(0)
    result = libc.syscall(ctypes.c_long(number), *words, zero, zero, zero)
    if result == -1 and ctypes.get_errno() == 1: print('refused')
    elif result == 0: os.execv('/usr/bin/id', ['id'])
";

/// The files that attacks use.
fn prepare(folder: &Path) {
    let open = |path: &Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    for name in ["link", "copy"] {
        std::fs::create_dir(folder.join(name)).unwrap();
        open(&folder.join(name));
    }
    std::os::unix::fs::symlink("/usr/bin/id", folder.join("link/ls")).unwrap();
    std::fs::copy("/usr/bin/id", folder.join("copy/ls")).unwrap();
    open(&folder.join("copy/ls"));
}

struct Attack {
    name: String,
    sign: Sign,
    line: String,
}

fn write(folder: &Path, number: usize, text: &str) -> String {
    let path = folder.join(format!("attack{number}"));
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The first word of an attack that is a program, if it is not installed here.
fn is_missing(body: &str) -> bool {
    let word = body.split(' ').next().unwrap();
    let optional = ["unshare", "awk", "perl", "su", "LOADER"].contains(&word);
    optional
        && word != "LOADER"
        && !["/usr/bin", "/bin"]
            .iter()
            .any(|f| Path::new(f).join(word).exists())
}

fn attacks(folder: &Path, agent: &Path) -> Vec<Attack> {
    let at = folder.to_str().unwrap();
    let loader = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    let mut attacks = Vec::new();
    for (name, body) in SHELL {
        if is_missing(body) || body.contains("LOADER") && loader.is_none() {
            continue;
        }
        let body = body
            .replace('@', at)
            .replace("LOADER", loader.unwrap_or_default());
        let line = write(folder, attacks.len(), &format!("#!/bin/sh\n{body}\n"));
        let (name, sign) = ((*name).to_owned(), Denied);
        attacks.push(Attack { name, sign, line });
    }
    if Path::new("/usr/bin/python3").exists() {
        for (name, sign, body) in PYTHON {
            let body = body.replace("AGENT", agent.to_str().unwrap());
            let path = write(folder, attacks.len(), &format!("{PREAMBLE}{body}\n"));
            attacks.push(Attack {
                name: format!("python: {name}"),
                sign: *sign,
                line: format!("python3 {path}"),
            });
        }
    }
    attacks
}

#[test]
fn no_attack_runs_what_no_rule_allows() {
    let Some((system, agent)) = guarded() else {
        return;
    };
    let api = system.api_with_password();
    std::fs::set_permissions(system.folder(), std::fs::Permissions::from_mode(0o711)).unwrap();
    let folder = std::fs::canonicalize(system.folder())
        .unwrap()
        .join("attacks");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    prepare(&folder);
    let at = folder.to_str().unwrap();
    let rules = [
        format!("{at}/attack*"),
        format!("python3 {at}/*"),
        "ls *".to_owned(),
    ];
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let session = limited(&api, agent.id(), &rules);
    let attacks = attacks(&folder, &system.agent_folder("host").join("state/guards"));
    assert!(attacks.len() >= 25, "{}", attacks.len());
    let jobs: Vec<String> = (attacks.iter())
        .map(|attack| start(&api, agent.id(), &attack.line, Some(&session)))
        .collect();
    let mut failures = String::new();
    for (attack, job) in attacks.iter().zip(&jobs) {
        let done = ended(&system, job);
        let output = done["result"].as_str().unwrap();
        let programs = programs(&system, &done);
        let stopped = match attack.sign {
            Denied => !names(&programs, "deny").is_empty() && output.contains("alpamon: denied"),
            Refused => output.contains("refused"),
        };
        if output.contains("uid=") || !stopped || done["enforcement"] != "enforced" {
            writeln!(failures, "{}: {output}\n{programs:?}", attack.name).unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
