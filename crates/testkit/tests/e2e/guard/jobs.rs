//! Honest programs behave under the guard as without it, by real orders.

use std::path::Path;

use testkit::eventually;

use super::*;

/// A line, the program it needs, and what its output ends with.
const LINES: &[(&str, &str, &str)] = &[
    (
        "bash -c 'set -m; sleep 100 & kill -STOP %1; kill -CONT %1; kill %1; wait %1; echo $?'",
        "bash",
        "143\n",
    ),
    (
        "bash -c 'trap \"exit 5\" TERM; kill $$'; echo $?",
        "bash",
        "5\n",
    ),
    (
        "sh -c 'kill -STOP $$; echo on' & p=$!; until grep -q '^State:.[Tt]' /proc/$p/status; do :; done; kill -CONT $p; wait $p",
        "grep",
        "on\n",
    ),
    (
        "for i in 1 2 3 4; do (sleep 0; true) & done; wait; echo done",
        "sh",
        "done\n",
    ),
    ("yes | head -n 2", "head", "y\ny\n"),
    ("make -s -j2 -C $HOME a", "make", "made\n"),
    (
        "vim -es -u NONE -i NONE -c 'call setline(1, \"written\")' -c 'w! '$HOME/f -c q; cat $HOME/f",
        "vim",
        "written\n",
    ),
    (
        "script -qec 'test -t 0 && echo terminal' /dev/null",
        "script",
        "terminal\r\n",
    ),
    (
        "script -qec \"bash -ic 'sleep 100 & kill %1; wait; echo over'\" /dev/null",
        "script",
        "over\r\n",
    ),
    (
        "systemctl --version | head -n 1 | cut -c 1-7",
        "systemctl",
        "systemd\n",
    ),
    (
        "python3 -c 'import subprocess as s; print(s.run([\"true\"]).returncode)'",
        "python3",
        "0\n",
    ),
    (
        "python3 -c 'import multiprocessing as m; print(sum(m.Pool(2).map(abs, [1, -2])))'",
        "python3",
        "3\n",
    ),
    (
        "(sleep 0; echo late) & exec 2>/dev/null; wait",
        "sh",
        "late\n",
    ),
    ("timeout 0.1 sleep 100; echo $?", "timeout", "124\n"),
];

fn is_installed(program: &str) -> bool {
    ["/usr/bin", "/bin"]
        .iter()
        .any(|folder| Path::new(folder).join(program).exists())
}

#[test]
fn honest_programs_behave_as_ever() {
    let Some((system, agent)) = guarded() else {
        return;
    };
    use std::os::unix::fs::PermissionsExt as _;
    let api = system.api_with_password();
    let home = script(&system, ":").replace("/tool", "/home");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o777)).unwrap();
    std::fs::write(format!("{home}/Makefile"), "a:\n\t@echo made\n").unwrap();
    let session = id(&create_session(&api, agent.id(), &["command"], &json!({})));
    for (line, program, expected) in LINES {
        if !is_installed(program) {
            continue;
        }
        let line = format!("HOME={home}; export HOME; {line}");
        let done = run(&system, &api, agent.id(), &line, Some(&session));
        let output = done["result"].as_str().unwrap();
        assert!(output.ends_with(expected), "{line}: {done}");
        assert_eq!(done["enforcement"], "observed", "{done}");
    }
}

/// Whether the supervisor of a command is there: it listens for its agent.
fn is_guarded_still(job: &str) -> bool {
    let sockets = std::fs::read_to_string("/proc/net/unix").unwrap();
    sockets.contains(&format!("{job}.sock"))
}

#[test]
fn nothing_is_left_of_what_a_revoked_session_left_behind() {
    let Some((system, agent)) = guarded() else {
        return;
    };
    let api = system.api_with_password();
    let session = id(&create_session(&api, agent.id(), &["command"], &json!({})));
    // In a session of its own, so that the end of the line does not end it.
    let line = "(setsid sh -c 'echo started; exec sleep 1000 >/dev/null 2>&1' &) | head -n 1";
    let done = run(&system, &api, agent.id(), line, Some(&session));
    assert_eq!(done["result"], "started\n", "{done}");
    let job = id(&done);
    assert!(is_guarded_still(&job));
    let revoke = format!("/api/work-sessions/sessions/{session}/revoke/");
    api.post(&revoke, &json!({})).expect_success();
    eventually("its supervisor ends", || {
        (!is_guarded_still(&job)).then_some(())
    });
    let programs = programs(&system, &done);
    let is_killed = |program: &Value| program["end"]["signal"] == 9;
    assert!(programs.iter().any(is_killed), "{programs:#?}");
}
