use crate::environment::Environment;

/// The whole help in one file: a change of any flag shows up in review.
#[test]
fn the_help_tree() {
    let mut text = String::new();
    let mut root = alpacon_cli::command().term_width(80);
    root.build();
    append(&mut text, &mut root);
    insta::assert_snapshot!("help", text);
}

fn append(text: &mut String, command: &mut clap::Command) {
    if command.get_name() == "help" {
        return;
    }
    let name = command.get_bin_name().unwrap_or("alpacon").to_owned();
    text.push_str(&format!("=== {name}\n{}\n", command.render_long_help()));
    for child in command.get_subcommands_mut() {
        append(text, child);
    }
}

#[test]
fn help_goes_to_stdout_and_needs_no_login() {
    let environment = Environment::new();
    for line in [
        &["--help"][..],
        &["help", "server"],
        &["exec", "--help"],
        &["exec", "-h"],
        &["work-session", "create", "-h"],
        &["completion", "bash"],
        &["--version"],
    ] {
        let run = environment.run(line);
        assert_eq!(
            (run.status, run.stderr.as_str()),
            (0, ""),
            "{line:?}: {run:?}"
        );
        assert!(!run.stdout.is_empty(), "{line:?}");
    }
}

#[test]
fn a_group_alone_shows_its_help_on_stderr() {
    let run = Environment::new().run(&["work-session"]);
    assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{run:?}");
    assert!(
        run.stderr.contains("Usage: alpacon work-session"),
        "{run:?}"
    );
}

#[test]
fn the_version_is_told_on_stderr_or_as_json() {
    let environment = Environment::new();
    let run = environment.run(&["version"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""));
    assert!(run.stderr.contains(env!("CARGO_PKG_VERSION")));
    let version = environment.run(&["version", "--output", "json"]).json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}
