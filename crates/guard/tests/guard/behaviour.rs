//! Programs behave as without the guard, and every one is seen.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use super::*;

#[test]
fn passes_the_ending_through() {
    for policy in [observing(), allowing(&[])] {
        assert_eq!(shell(&policy, "exit 7").0, Ending::Exited(7));
        assert_eq!(shell(&policy, "kill -TERM $$").0, Ending::Killed(15));
    }
}

#[test]
fn says_which_program_is_missing() {
    for name in ["/nonexistent/x", "no-such-program-here", "/etc/passwd"] {
        let mut seen = Seen::default();
        let error = guard::run(&observing(), &launch(&[name]), &mut seen).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert!(seen.events.is_empty());
    }
}

#[test]
fn sees_every_child_with_its_facts() {
    let folder = tempfile::tempdir().unwrap();
    let script = write_program(
        folder.path(),
        "tool",
        "#!/bin/sh\n/usr/bin/id -u >/dev/null\n",
    );
    let line = format!("cd /tmp; env true one 'two three'; {script}; exit 0");
    let (ending, seen) = shell(&observing(), &line);
    assert_eq!(ending, Ending::Exited(0));
    let programs = seen.programs(Verdict::Allow);
    assert_eq!(&programs[1..3], ["env", "true"]);
    assert_eq!(programs.len(), 5, "{programs:?}");
    let truth = &seen.events[2];
    assert_eq!(truth.argv, ["true", "one", "two three"]);
    assert_eq!(truth.cwd, "/tmp");
    assert_eq!(truth.sha256.as_ref().unwrap().len(), 64);
    assert_eq!(truth.ppid, seen.events[0].pid);
    assert_eq!(seen.events[3].argv, ["/bin/sh", script.as_str()]);
}

#[test]
fn sees_what_python_starts() {
    if !has_python() {
        return println!("no python3 here");
    }
    let code = "import subprocess as s, os; s.run(['/usr/bin/true']); os.system('true; exec id >/dev/null')";
    let (ending, seen) = guarded(&observing(), &["/usr/bin/python3", "-c", code]);
    assert_eq!(ending, Ending::Exited(0));
    let programs = seen.programs(Verdict::Allow);
    assert!(
        programs.contains(&"true") && programs.contains(&"id"),
        "{programs:?}"
    );
}

#[test]
fn observing_denies_nothing_but_says_what_it_would() {
    let policy = Policy {
        mode: Mode::Observe,
        ..allowing(&["ls"])
    };
    let (ending, seen) = shell(&policy, "id >/dev/null; exit 0");
    assert_eq!(ending, Ending::Exited(0));
    assert!(seen.denied().is_empty() && seen.notices.is_empty());
    assert!(
        seen.events[1]
            .reason
            .as_ref()
            .unwrap()
            .contains("would be denied")
    );
}

#[test]
fn jobs_stop_go_on_and_die() {
    let line = r#"sleep 100 & p=$!
        kill -STOP $p
        until grep -q '^State:.[Tt]' /proc/$p/status; do :; done
        kill -CONT $p
        until grep -q '^State:.S' /proc/$p/status; do :; done
        kill -TERM $p; wait $p; exit $?"#;
    assert_eq!(shell(&observing(), line).0, Ending::Exited(128 + 15));
    let job = "set -m; sleep 100 & kill %1; wait %1; exit $?";
    let (ending, _) = guarded(&observing(), &["/bin/bash", "-c", job]);
    assert_eq!(ending, Ending::Exited(128 + 15));
}

#[test]
fn a_parent_hears_that_its_child_stopped() {
    if !has_python() {
        return println!("no python3 here");
    }
    let code = "
import os, signal
pid = os.fork()
if pid == 0:
    os.kill(os.getpid(), signal.SIGSTOP)
    os._exit(9)
_, status = os.waitpid(pid, os.WUNTRACED)
assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGSTOP
os.kill(pid, signal.SIGCONT)
_, status = os.waitpid(pid, 0)
os._exit(os.WEXITSTATUS(status))
";
    let (ending, _) = guarded(&observing(), &["/usr/bin/python3", "-c", code]);
    assert_eq!(ending, Ending::Exited(9));
}

#[test]
fn signals_reach_their_handlers() {
    let line = "trap 'exit 5' USR1; kill -USR1 $$; exit 1";
    assert_eq!(shell(&observing(), line).0, Ending::Exited(5));
    let line = "trap '' TRAP; kill -TRAP $$; exit 6";
    assert_eq!(shell(&observing(), line).0, Ending::Exited(6));
    // A real-time signal.
    assert_eq!(shell(&observing(), "kill -40 $$").0, Ending::Killed(40));
}

#[test]
fn a_thread_may_load_a_program() {
    if !has_python() {
        return println!("no python3 here");
    }
    let code = "
import os, threading, time
for _ in range(8): threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
threading.Thread(target=lambda: os.execv('/usr/bin/env', ['env', 'true'])).start()
time.sleep(100)
";
    let (ending, seen) = guarded(&observing(), &["/usr/bin/python3", "-c", code]);
    assert_eq!(ending, Ending::Exited(0));
    let programs = seen.programs(Verdict::Allow);
    assert_eq!(&programs[1..], ["env", "true"]);
    assert_eq!(seen.events[2].pid, seen.events[0].pid);
}

#[test]
fn survives_a_burst_of_forks() {
    let line = "i=0; while [ $i -lt 500 ]; do
        /usr/bin/true & /usr/bin/true & /usr/bin/true & /usr/bin/true; i=$((i+1)); done; wait; exit 3";
    let (ending, seen) = shell(&observing(), line);
    assert_eq!(ending, Ending::Exited(3));
    assert_eq!(seen.events.len(), 1 + 2_000);
}

#[test]
fn the_rest_dies_with_the_first_program() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let line = format!("setsid sleep 1000 & echo $! > {}; exit 4", file.display());
    assert_eq!(shell(&observing(), &line).0, Ending::Exited(4));
    let pid = std::fs::read_to_string(&file).unwrap();
    // Whoever inherited it may take a moment to collect it.
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    assert!(stat.is_err() || stat.unwrap().contains(") Z "));
}

#[test]
fn the_rest_may_be_guarded_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("done");
    let line = format!(
        "(sleep 0.2; id >/dev/null; echo x > {}) & exit 4",
        file.display()
    );
    let mut seen = Seen::default();
    let mut launch = launch(&["/bin/sh", "-c", &line]);
    launch.kill_rest = false;
    let ending = guard::run(&observing(), &launch, &mut seen).unwrap();
    assert_eq!(ending, Ending::Exited(4));
    assert!(file.exists());
    assert!(seen.programs(Verdict::Allow).contains(&"id"));
}

#[test]
fn other_children_of_the_process_are_left_alone() {
    let mut other = Command::new("/bin/sh")
        .args(["-c", "exit 3"])
        .spawn()
        .unwrap();
    let (ending, _) = std::thread::spawn(|| shell(&observing(), "exit 0"))
        .join()
        .unwrap();
    assert_eq!(ending, Ending::Exited(0));
    assert_eq!(other.wait().unwrap().code(), Some(3));
}

#[test]
fn runs_as_another_user() {
    if !is_root() {
        return println!("not root");
    }
    let mut launch = launch(&["/bin/sh", "-c", "test $(id -u) = 65534 && cd / && id -G"]);
    launch.account = Some(nobody());
    launch.directory = Some("/".into());
    let mut seen = Seen::default();
    let ending = guard::run(&observing(), &launch, &mut seen).unwrap();
    assert_eq!(ending, Ending::Exited(0));
    assert!(seen.events.iter().all(|event| event.uid == 65_534));
    assert!(seen.events.iter().all(|event| event.sha256.is_some()));
    let level = |launch: &Launch| {
        let prepared = guard::Prepared::new(&allowing(&[]), launch);
        prepared.unwrap().level()
    };
    assert_eq!(level(&launch), guard::Level::Enforced);
    launch.account = None;
    assert_eq!(level(&launch), guard::Level::Observed);
}

#[test]
fn the_tree_dies_with_its_guard() {
    let program = std::env::current_exe().unwrap();
    let mut supervisor = Command::new(program)
        .args([
            "--exact",
            "behaviour::guards_a_sleeper",
            "--ignored",
            "--nocapture",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(supervisor.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("sleeper") {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0);
    }
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    // Ends only when the whole tree, which has the other end of the pipe, is dead.
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert!(!rest.contains("alive"), "{rest}");
}

#[test]
#[ignore = "the program of the test above"]
fn guards_a_sleeper() {
    shell(&observing(), "echo; echo sleeper; sleep 20; echo alive");
}
