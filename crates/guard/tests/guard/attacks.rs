//! Attempts to run what no rule allows.

use super::*;

const LS: &[&str] = &["ls", "ls *"];

#[track_caller]
fn assert_denied(policy: &Policy, line: &str) {
    let (_, seen) = shell(policy, line);
    assert!(!seen.denied().is_empty(), "{line}: {:#?}", seen.events);
    assert_eq!(seen.denied().len(), seen.notices.len());
}

#[track_caller]
fn assert_allowed(policy: &Policy, line: &str) {
    let (ending, seen) = shell(policy, line);
    assert!(seen.denied().is_empty(), "{line}: {:#?}", seen.events);
    assert_eq!(ending, Ending::Exited(0), "{line}");
}

fn python(policy: &Policy, code: &str) -> (Ending, Seen) {
    guarded(policy, &["/usr/bin/python3", "-c", code])
}

#[test]
fn only_what_a_rule_names_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let line = format!("ls / >/dev/null && touch {}; exit $?", mark.display());
    let (ending, seen) = shell(&allowing(LS), &line);
    assert_eq!(ending, Ending::Exited(128 + 9));
    assert_eq!(seen.denied(), ["touch"]);
    assert!(seen.notices[0].contains("touch"), "{:?}", seen.notices);
    assert!(!mark.exists());
    assert_eq!(seen.events[1].rule.as_deref(), Some("ls *"));
}

#[test]
fn the_first_program_is_judged_unless_it_is_a_shell() {
    assert_eq!(guarded(&allowing(LS), &["id"]).0, Ending::Killed(9));
    assert_eq!(guarded(&allowing(&["id"]), &["id"]).0, Ending::Exited(0));
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("sh");
    std::fs::copy("/bin/sh", &copy).unwrap();
    let (ending, _) = guarded(&allowing(LS), &[copy.to_str().unwrap(), "-c", "exit 0"]);
    assert_eq!(ending, Ending::Killed(9));
}

#[test]
fn arguments_are_judged() {
    let policy = allowing(&["ls /tmp"]);
    assert_allowed(&policy, "ls /tmp >/dev/null; exit $?");
    assert_denied(&policy, "ls /root; exit 0");
}

#[test]
fn other_names_of_a_program_do_not_help() {
    let folder = tempfile::tempdir().unwrap();
    let fake = folder.path().join("ls");
    let path = fake.display();
    for make in [
        format!("cp /usr/bin/id {path}"),
        format!("ln -s /usr/bin/id {path}"),
        format!("cp /usr/bin/id {path}.x && mv {path}.x {path}"),
    ] {
        let made = std::process::Command::new("/bin/sh")
            .args(["-c", &make])
            .status()
            .unwrap();
        assert!(made.success());
        assert_denied(&allowing(LS), &format!("{path}; exit 0"));
        assert_denied(
            &allowing(LS),
            &format!("PATH={}; ls; exit 0", folder.path().display()),
        );
        std::fs::remove_file(&fake).unwrap();
    }
    let (_, seen) = guarded(
        &allowing(LS),
        &["/bin/bash", "-c", "exec -a ls /usr/bin/id"],
    );
    assert_eq!(seen.denied(), ["id"]);
}

#[test]
fn a_deleted_program_is_denied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ls");
    std::fs::copy("/usr/bin/id", &path).unwrap();
    if !has_python() {
        return println!("no python3 here");
    }
    let code = format!(
        "import os; f = os.open('{0}', os.O_RDONLY); os.unlink('{0}'); os.execve(f, ['ls'], os.environ)",
        path.display()
    );
    let (ending, seen) = python(&allowing(&["python3 *", "ls", "ls *"]), &code);
    assert_eq!(ending, Ending::Killed(9));
    assert_eq!(seen.denied(), ["ls (deleted)"]);
}

#[test]
fn a_program_in_memory_is_seen_and_denied() {
    if !has_python() {
        return println!("no python3 here");
    }
    let code = "
import os
f = os.memfd_create('ls', os.MFD_CLOEXEC)
os.write(f, open('/usr/bin/id', 'rb').read())
os.execve(f, ['ls'], os.environ)
";
    let (ending, seen) = python(&allowing(&["python3 *", "ls"]), code);
    assert_eq!(ending, Ending::Killed(9));
    assert_eq!(seen.denied().len(), 1);
    let (ending, seen) = python(&observing(), code);
    assert_eq!(ending, Ending::Exited(0));
    assert!(seen.events[1].exe.starts_with("/memfd:ls"));
    assert!(seen.events[1].sha256.is_some());
}

#[test]
fn the_loader_is_judged_as_what_it_runs() {
    let Some(loader) = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"]
        .into_iter()
        .find(|path| Path::new(path).exists())
    else {
        return println!("no known loader here");
    };
    assert_allowed(
        &allowing(LS),
        &format!("{loader} /usr/bin/ls / >/dev/null; exit $?"),
    );
    assert_denied(&allowing(LS), &format!("{loader} /usr/bin/id; exit 0"));
    assert_denied(
        &allowing(LS),
        &format!("{loader} --argv0 ls /usr/bin/id; exit 0"),
    );
    assert_denied(
        &allowing(LS),
        &format!("{loader} --preload /tmp/x.so /usr/bin/ls; exit 0"),
    );
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("ls");
    std::fs::copy(loader, &copy).unwrap();
    assert_denied(
        &allowing(LS),
        &format!("{} /usr/bin/ls; exit 0", copy.display()),
    );
}

#[test]
fn variables_are_judged() {
    assert_allowed(&allowing(LS), "COLUMNS=80 ls / >/dev/null; exit $?");
    for variable in [
        "LD_PRELOAD=/tmp/x.so",
        "LD_LIBRARY_PATH=/tmp",
        "PATH=/tmp",
        "PYTHONPATH=/tmp",
    ] {
        assert_denied(&allowing(LS), &format!("{variable} /usr/bin/ls; exit 0"));
    }
}

#[test]
fn a_script_is_judged_by_its_own_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_program(folder.path(), "tool", "#!/bin/sh\nid >/dev/null\n");
    let mut policy = allowing(&["tool"]);
    assert_denied(&policy, &format!("{path}; exit 0"));
    let real = std::fs::canonicalize(folder.path()).unwrap();
    policy
        .trusted_folders
        .push(real.to_str().unwrap().to_owned());
    let (_, seen) = shell(&policy, &path);
    assert_eq!(seen.events[1].rule.as_deref(), Some("tool"));
    assert_eq!(seen.denied(), ["id"]);
    assert_denied(&policy, &format!("/bin/sh -x {path}; exit 0"));
    policy.depth = Depth::Shells;
    assert_denied(&policy, &format!("{path}; exit 0"));
    policy.depth = Depth::Top;
    assert_allowed(&policy, &format!("{path}; exit $?"));
    policy.depth = Depth::All;
    policy
        .helpers
        .insert("tool".to_owned(), vec!["id".to_owned()]);
    assert_allowed(&policy, &format!("{path}; exit $?"));
}

#[test]
fn children_of_an_allowed_interpreter_are_judged() {
    if !has_python() {
        return println!("no python3 here");
    }
    let code = "import os, sys; sys.exit(os.spawnv(os.P_WAIT, '/usr/bin/id', ['id']) == -9)";
    let (ending, seen) = python(&allowing(&["python3 *"]), code);
    assert_eq!(ending, Ending::Exited(1));
    assert_eq!(seen.denied(), ["id"]);
}

#[test]
fn what_would_blind_the_guard_is_refused() {
    if !has_python() {
        return println!("no python3 here");
    }
    let code = "
import ctypes, errno, platform, sys
libc = ctypes.CDLL(None, use_errno=True)
x86 = platform.machine() == 'x86_64'
def refused(number, first, code):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), ctypes.c_long(first), 0, 0, 0, 0, 0)
    if result != -1 or ctypes.get_errno() != code:
        sys.exit(f'{number}({first:#x}): {result}, errno {ctypes.get_errno()}')
refused(101 if x86 else 117, 0, errno.EPERM)              # ptrace
refused(311 if x86 else 271, 1, errno.EPERM)              # process_vm_writev
refused(435, 0, errno.ENOSYS)                             # clone3
refused(56 if x86 else 220, 0x00800000 | 17, errno.EPERM) # clone(CLONE_UNTRACED)
refused(56 if x86 else 220, 0x10000000 | 17, errno.EPERM) # clone(CLONE_NEWUSER)
refused(272 if x86 else 97, 0x00020000, errno.EPERM)      # unshare(CLONE_NEWNS)
refused(308 if x86 else 268, 0, errno.EPERM)              # setns
";
    let (ending, _) = python(&observing(), code);
    assert_eq!(ending, Ending::Exited(0));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn another_call_interface_kills() {
    if !has_python() {
        return println!("no python3 here");
    }
    let code = "import ctypes; ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 | 39))";
    assert_eq!(python(&observing(), code).0, Ending::Killed(31));
}

#[test]
fn memory_files_cannot_be_written_below_root() {
    if !is_root() || !has_python() {
        return println!("not root, or no python3 here");
    }
    let code = "
import errno, os, signal, sys
pid = os.fork()
if pid == 0: signal.pause()
try:
    os.open(f'/proc/{pid}/mem', os.O_WRONLY)
    sys.exit('opened')
except OSError as error:
    sys.exit(0 if error.errno == errno.EROFS else str(error))
finally:
    os.kill(pid, signal.SIGKILL)
";
    let mut launch = launch(&["/usr/bin/python3", "-c", code]);
    launch.account = Some(nobody());
    let mut seen = Seen::default();
    let ending = guard::run(&observing(), &launch, &mut seen).unwrap();
    assert_eq!(ending, Ending::Exited(0));
}

#[test]
fn set_user_id_programs_gain_nothing() {
    let (ending, _) = shell(
        &observing(),
        "grep -q '^NoNewPrivs:.1' /proc/self/status; exit $?",
    );
    assert_eq!(ending, Ending::Exited(0));
}

#[test]
fn hard_links_and_other_roads_lead_to_the_file_itself() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("id");
    std::fs::copy("/usr/bin/id", &copy).unwrap();
    let link = folder.path().join("ls");
    std::fs::hard_link(&copy, &link).unwrap();
    assert_denied(&allowing(LS), &format!("{}; exit 0", link.display()));
    assert_denied(&allowing(LS), "/proc/self/root/usr/bin/id; exit 0");
    assert_denied(&allowing(LS), "/usr/bin/../bin/id; exit 0");
    assert_allowed(
        &allowing(LS),
        "/proc/self/root/usr/bin/ls / >/dev/null; exit $?",
    );
}

#[test]
fn a_program_that_nobody_may_read_is_denied() {
    if !is_root() {
        return println!("not root");
    }
    // Below root, execution alone is enough to load it.
    let folder = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap();
    let path = folder.path().join("ls");
    std::fs::copy("/usr/bin/id", &path).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let mut launch = launch(&["/bin/sh", "-c", &format!("{}; exit 0", path.display())]);
    launch.account = Some(nobody());
    let mut seen = Seen::default();
    guard::run(&allowing(LS), &launch, &mut seen).unwrap();
    assert_eq!(seen.denied(), ["ls"]);
}

#[test]
fn a_flood_of_forks_hides_no_denial() {
    let line = "i=0; while [ $i -lt 300 ]; do /usr/bin/ls /nowhere 2>/dev/null & /usr/bin/id & i=$((i+1)); done; wait";
    let (_, seen) = shell(&allowing(LS), line);
    assert_eq!(seen.denied().len(), 300);
    assert_eq!(seen.events.len(), 601);
}

#[test]
fn nobody_can_stop_the_guard_and_live() {
    if !is_root() {
        return println!("not root");
    }
    let guard = std::process::id();
    let line = format!(
        "kill -9 {guard} 2>/dev/null && exit 1; kill -STOP {guard} 2>/dev/null && exit 2; exit 0"
    );
    let mut launch = launch(&["/bin/sh", "-c", &line]);
    launch.account = Some(nobody());
    let ending = guard::run(&observing(), &launch, &mut Seen::default()).unwrap();
    assert_eq!(ending, Ending::Exited(0));
}
