//! Running commands.

use std::thread;

use testkit::{Agent, Cli, System, eventually};

fn ready() -> (System, Agent, Cli) {
    let system = System::start();
    let agent = system.agent("host");
    let cli = system.cli_with_password();
    cli.open_session("host", "command");
    (system, agent, cli)
}

fn is_root(cli: &Cli) -> bool {
    cli.run(&["exec", "host", "id -u"]).exits(0).stdout() == "0\n"
}

#[test]
fn the_exit_status_is_the_commands_own() {
    let (_system, _agent, cli) = ready();
    for code in [0, 1, 3, 7, 42, 255] {
        let line = format!("exit {code}");
        cli.run(&["exec", "host", "sh", "-c", &line]).exits(code);
    }
    cli.run(&["exec", "host", "false"]).exits(1);
}

#[test]
fn output_comes_whole_and_in_order() {
    let (_system, _agent, cli) = ready();
    let expected: String = (1..=20_000).map(|line| format!("{line}\n")).collect();
    cli.run(&["exec", "host", "seq 1 20000"])
        .exits(0)
        .stdout_is(&expected);
}

#[test]
fn output_beyond_the_cap_of_the_result_still_arrives() {
    let (_system, _agent, cli) = ready();
    let line = "head -c 3000000 /dev/zero | tr '\\0' x";
    let done = cli.run(&["exec", "host", line]).exits(0);
    assert_eq!(done.stdout().len(), 3_000_000);
    assert!(done.stdout().bytes().all(|byte| byte == b'x'));
}

#[test]
fn standard_error_is_merged_in_order_and_no_newline_is_added() {
    let (_system, _agent, cli) = ready();
    cli.run(&["exec", "host", "echo one; echo two >&2; printf three"])
        .exits(0)
        .stdout_is("one\ntwo\nthree");
}

#[test]
fn text_beyond_ascii_survives() {
    let (_system, _agent, cli) = ready();
    cli.run(&["exec", "host", "printf '%s\\n' '한글 é 🦙'"])
        .exits(0)
        .stdout_is("한글 é 🦙\n");
}

#[test]
fn words_reach_the_shell_as_the_manual_says() {
    let (_system, _agent, cli) = ready();
    // Several words are quoted only where they need it; operators pass.
    cli.run(&["exec", "host", "printf", "%s.", "a b", "", "it's"])
        .exits(0)
        .stdout_is("a b..it's.");
    cli.run(&["exec", "host", "echo", "x", "|", "tr", "x", "y"])
        .exits(0)
        .stdout_is("y\n");
    // Flags after the server belong to the command.
    cli.run(&["exec", "host", "--", "echo", "--output", "json"])
        .exits(0)
        .stdout_is("--output json\n");
}

#[test]
fn environment_is_passed_and_not_shown() {
    let (system, _agent, cli) = ready();
    cli.run(&[
        "exec",
        "--env=GREETING=hi there",
        "host",
        "echo \"$GREETING\"",
    ])
    .exits(0)
    .stdout_is("hi there\n");
    let commands = system.api().get("/api/events/commands/").expect(200);
    assert!(
        !commands.text().contains("hi there\""),
        "{}",
        commands.text()
    );
}

#[test]
fn another_account_is_used_by_root_and_refused_otherwise() {
    let (_system, _agent, cli) = ready();
    let run = cli.run(&["exec", "-u", "nobody", "-g", "nogroup", "host", "id -un"]);
    if is_root(&cli) {
        run.exits(0).stdout_is("nobody\n");
    } else {
        assert_ne!(run.code, Some(0), "{}", run.stderr);
    }
}

#[test]
fn an_unknown_account_fails_with_a_reason() {
    let (_system, _agent, cli) = ready();
    let run = cli
        .run(&["exec", "-u", "no-such-user", "host", "true"])
        .exits(1);
    assert!(
        format!("{}{}", run.stdout(), run.stderr()).contains("no-such-user"),
        "{run:?}"
    );
}

#[test]
fn a_detached_job_can_be_read_later() {
    let (_system, _agent, cli) = ready();
    let job = cli
        .run(&[
            "exec",
            "--detach",
            "--output",
            "json",
            "host",
            "echo later; exit 5",
        ])
        .exits(0)
        .json();
    let job = job["job_id"].as_str().unwrap();
    let logs = eventually("the job has ended", || {
        let logs = cli.run(&["exec", "logs", job]);
        (logs.code != Some(0)).then_some(logs)
    });
    logs.exits(5).stdout_has("later\n");
}

#[test]
fn the_list_of_jobs_shows_the_newest_run() {
    let (_system, _agent, cli) = ready();
    cli.run(&["exec", "host", "echo listed"]).exits(0);
    let list = cli
        .run(&["exec", "ls", "--output", "json", "--server", "host"])
        .exits(0)
        .json();
    let commands: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["command"].as_str())
        .collect();
    assert!(commands.contains(&"echo listed"), "{list}");
}

#[test]
fn an_unknown_server_is_named() {
    let (_system, _agent, cli) = ready();
    cli.run(&["exec", "no-such-server", "true"])
        .exits(1)
        .stderr_has("no-such-server");
}

#[test]
fn a_background_child_does_not_hold_the_command() {
    let (_system, _agent, cli) = ready();
    cli.run(&["exec", "host", "sleep 300 >/dev/null 2>&1 & echo started"])
        .exits(0)
        .stdout_is("started\n");
}

#[test]
fn a_program_that_does_not_exist_fails() {
    let (_system, _agent, cli) = ready();
    let run = cli.run(&["exec", "host", "no-such-program --flag"]);
    assert!(matches!(run.code, Some(1 | 127)), "{run:?}");
    assert!(
        format!("{}{}", run.stdout, run.stderr).contains("no-such-program"),
        "{run:?}"
    );
}

#[test]
fn two_hundred_commands_at_once_all_arrive_whole() {
    const COMMANDS: usize = 200;
    const LINES: usize = 20;
    let (_system, _agent, cli) = ready();
    thread::scope(|scope| {
        let running: Vec<_> = (0..COMMANDS)
            .map(|number| {
                let cli = &cli;
                scope.spawn(move || {
                    let line = format!("for i in $(seq {LINES}); do echo {number}-$i; done");
                    let expected: String = (1..=LINES)
                        .map(|line| format!("{number}-{line}\n"))
                        .collect();
                    cli.run(&["exec", "host", &line])
                        .exits(0)
                        .stdout_is(&expected);
                })
            })
            .collect();
        let failed = running
            .into_iter()
            .filter_map(|thread| thread.join().err())
            .count();
        assert_eq!(failed, 0, "of {COMMANDS}");
    });
}
