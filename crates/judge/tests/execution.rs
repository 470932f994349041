//! Real shells as judges: a line that the judge allows is run by bash and by
//! sh, and the one program that no rule allows must not have started.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::{Command, Stdio},
};

use judge::{Authority, Decision, Plan, RuleSet, judge};
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};

/// Lines per run; `JUDGE_EXECUTION_CASES` asks for other lines, and how many.
const CASES: u32 = 400;

const RULES: [&str; 44] = [
    "ok",
    "ok *",
    "cat",
    "cat *",
    "env *",
    "nohup *",
    "timeout *",
    "find *",
    "xargs *",
    "xargs",
    "sh *",
    "bash *",
    "sh",
    "bash",
    "echo",
    "echo *",
    "eval *",
    "eval",
    "test *",
    "[ *",
    "read *",
    "printf *",
    "let *",
    "declare *",
    "export *",
    "unset *",
    "local *",
    "trap *",
    "command *",
    "builtin *",
    "exec *",
    "true",
    "false",
    ":",
    ": *",
    "break",
    "continue",
    "shift",
    "set *",
    "type *",
    "time *",
    "nice *",
    "typeset *",
    "readonly *",
];

/// Programs the lines may start for real.
const TOOLS: [&str; 9] = [
    "cat", "env", "nohup", "timeout", "find", "xargs", "sh", "bash", "nice",
];

/// Commands in which `@` is another command.
const TEMPLATES: &[&str] = &[
    "ok",
    "evil",
    "evil a",
    "ok 'evil'",
    "ok \"evil\"",
    "@; @",
    "@ && @",
    "@ || @",
    "@ | @",
    "@ & @",
    "@\n@",
    "ok $(@)",
    "ok `@`",
    "ok \"$(@)\"",
    "ok \"`@`\"",
    "ok '$(@)'",
    "ok \\$\\(@\\)",
    "(@)",
    "( (@) )",
    "((@))",
    "((@); @)",
    "{ @; }",
    "if @; then @; fi",
    "while @; do @; break; done",
    "for i in a; do @; done",
    "for i in $(@); do @; done",
    "case a in a) @;; esac",
    "case $(@) in *) @;; esac",
    "f() { @; }; f",
    "f() ( @ ); ok",
    "function f { @; }; f",
    "! @",
    "time @",
    "coproc @",
    "x=$(@)",
    "x=$(@) ok",
    "x=`@`; ok $x",
    "a=($(@))",
    "a[$(@)]=1",
    "ok ${x:-$(@)}",
    "ok \"${x:-$(@)}\"",
    "ok ${x:=`@`}",
    "ok ${x:-'$(@)'}",
    "ok \"${x:-'$(@)'}\"",
    "ok ${x#'$(@)'}",
    "ok \"${x%'$(@)'}\"",
    "ok ${x/a/$(@)}",
    "ok ${x:$(@)}",
    "ok ${a[$(@)]}",
    "ok $((1 + $(@)))",
    "ok $(( `@` ))",
    "ok $[ $(@) ]",
    "((x=$(@)))",
    "[[ -n $(@) ]]",
    "[[ a =~ $(@) ]]",
    "[[ a || @ ]]",
    "[[ a && @ ]]",
    "[[ a\n|| @ ]]",
    "ok <(@)",
    "ok >(@)",
    "ok < <(@)",
    "ok > $(@)",
    "ok 2>&1 >/dev/null",
    "ok &>/dev/null @",
    "ok >&2 @",
    "cat <<E\n$(@)\nE",
    "cat <<'E'\n$(@)\nE",
    "cat <<\\E\n`@`\nE",
    "cat <<-E\n\t$(@)\n\tE",
    "cat <<E; @\nx\nE",
    "cat <<E && @\n`@`\nE\n@",
    "cat <<A <<B\n$(@)\nA\n$(@)\nB",
    "cat <<< \"$(@)\"",
    "cat <<< '$(@)'",
    "ok # @",
    "ok a#@",
    "ok #\n@",
    "ok \\\n@",
    "ok \\@",
    "ok $'a\\'; @; \\''",
    "ok $'$(@)'",
    "ok $\"$(@)\"",
    "ok 'a'\"b\"$(@)",
    "ok @(a)",
    "ok {a,$(@)}",
    "eval '@'",
    "eval \"@\"",
    "eval @",
    "sh -c '@'",
    "bash -c \"@\"",
    "sh -c 'ok' '@'",
    "env @",
    "env A=1 @",
    "env -i @",
    "nohup @",
    "timeout 1 @",
    "command @",
    "exec @",
    "builtin @",
    "nice -n 1 @",
    "find . -maxdepth 0 -exec @ \\;",
    "ok | xargs @",
    "ok | xargs -I% @",
    "sh <<E\n@\nE",
    "sh <<'E'\n@\nE",
    "bash <<< '@'",
    "trap '@' EXIT",
    "trap \"@\" 0",
    "x='a[$(@)]'; ok $((x))",
    "x='a[$(@)]'; ((x))",
    "x='a[$(@)]'; [[ x -eq 1 ]]",
    "x='a[$(@)]'; ok ${y:x}",
    "let 'a[$(@)]'",
    "x='a[$(@)]'; let x",
    "declare 'a[$(@)]=1'",
    "unset 'a[$(@)]'",
    "test -v 'a[$(@)]'",
    "printf -v 'a[$(@)]' x",
    "read 'a[$(@)]' < /dev/null",
    "x='$(@)'; ok ${x@P}",
    "x='a[$(@)]'; ok ${!x}",
    "x=@; $x",
    "x='@'; ok $x",
    "x='@'; eval $x",
    "declare -i x; x='a[$(@)]'",
    "declare -a x=([0]=$(@))",
    "export x=$(@)",
    "x=1; ok $((x))",
    "ok $'\\x65vil'",
    "e'v'il",
    "\\evil",
    "ev\\\nil",
    "e\"vi\"l",
    "$'\\x65vil'",
    "\"evil\"",
    "ok;evil",
    "ok&evil",
    "ok|evil",
    "select x in a; do @; break; done < /dev/null",
    "until @; do @; done",
    "for ((i=0;i<1;i++)); do @; done",
    "for ((i=$(@);i<0;)); do @; done",
    "ok ${ @; }",
    "ok ${| @; }",
    "ok $(cat <<E\n$(@)\nE\n)",
    "ok \"$(ok \"$(@)\")\"",
    "ok `ok \\`@\\``",
    "ok \"`ok \\\"$(@)\\\"`\"",
    "ok $(# @\n@)",
    "ok $(case a in a) @;; esac)",
    "ok $(ok)@",
    "{ ok; } 2>/dev/null; @",
    "a=1 b=2 @",
    "<<<x @",
    "</dev/null @",
    "2>&1 @",
    "{fd}</dev/null @",
    "if ok\nthen @\nfi",
    "ok ]] @",
    "ok } @",
    "ok } ; @",
    "ok { @; }",
    "ok if; @",
    "x=( @ )",
    "x[1 @]=2",
    "ok x=(@)",
    "ok [$(@)]",
    "$x@",
    "${x}@",
    "$@ @",
    "~/@",
    "@ 2>/dev/null",
    "ok ${x+a}@",
    "ok '@' \"@\" @",
    "cat <<E\n\\$(@)\nE",
    "cat <<E\n\\\\$(@)\nE",
    "cat <<E\nE\\\n@\nE",
    "cat <<'E'\nE \nE\n@",
    "cat <<E\n${x:-$(@)}\nE",
    "cat <<E\n${x:-'$(@)'}\nE",
    "cat <<E\n$((1+$(@)))\nE",
];

/// Bits that are dropped into a finished line.
const NOISE: &[&str] = &[
    "", "", "", "'", "\"", "`", "\\", "\\\n", "$", "(", ")", "{", "}", "[", "]", "#", " # ", ";",
    "&", "|", "\n", "<", ">", "=", "!", "~", "*", "$(", "((", "))", "${", "$'", "<<E", "\nE\n",
    " ", "x=", "-c", "--", "\t", "\r",
];

fn command() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(TEMPLATES.to_vec()).prop_map(str::to_owned);
    leaf.prop_recursive(3, 12, 4, |inner| {
        (
            prop::sample::select(TEMPLATES.to_vec()),
            prop::collection::vec(inner, 4),
        )
            .prop_map(|(template, inner)| {
                let mut inner = inner.into_iter().cycle();
                template.split('@').reduce_with(&mut inner)
            })
    })
}

/// Puts a command at each place of a template.
trait Fill {
    fn reduce_with(self, inner: &mut dyn Iterator<Item = String>) -> String;
}

impl<'t, I: Iterator<Item = &'t str>> Fill for I {
    fn reduce_with(self, inner: &mut dyn Iterator<Item = String>) -> String {
        let mut out = String::new();
        for (index, piece) in self.enumerate() {
            if index > 0 {
                out.push_str(&inner.next().unwrap_or_default());
            }
            out.push_str(piece);
        }
        out
    }
}

fn line() -> impl Strategy<Value = String> {
    let noise = (
        prop::sample::select(NOISE.to_vec()),
        any::<prop::sample::Index>(),
    );
    (command(), prop::collection::vec(noise, 0..3)).prop_map(|(mut line, noise)| {
        for (bit, at) in noise {
            let places: Vec<_> = line.char_indices().map(|(at, _)| at).collect();
            if !places.is_empty() {
                line.insert_str(places[at.index(places.len())], bit);
            }
        }
        // What a template left open.
        line.replace('@', "evil")
    })
}

/// A folder with the programs, and a log of what was started.
struct Stage {
    root: tempfile::TempDir,
}

impl Stage {
    fn new() -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        let programs = root.path().join("bin");
        fs::create_dir(&programs).unwrap();
        fs::create_dir(root.path().join("work")).unwrap();
        for tool in TOOLS {
            let path = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(tool));
            symlink(path.iter().find(|path| path.exists())?, programs.join(tool)).unwrap();
        }
        let log = root.path().join("log");
        for name in ["ok", "evil"] {
            let path = programs.join(name);
            fs::write(
                &path,
                format!("#!/bin/sh\necho {name} >> '{}'\n", log.display()),
            )
            .unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Some(Self { root })
    }

    /// What the shell started for `line`.
    fn run(&self, shell: &str, line: &str) -> String {
        let log = self.root.path().join("log");
        fs::write(&log, "").unwrap();
        // A new session, so that nothing reaches the terminal or outlives the time.
        let status = Command::new("/usr/bin/timeout")
            .args(["-s", "KILL", "2", shell, "-c", line])
            .env_clear()
            .env("PATH", self.root.path().join("bin"))
            .current_dir(self.root.path().join("work"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.is_ok());
        fs::read_to_string(&log).unwrap()
    }
}

#[test]
fn shells_start_nothing_that_was_not_allowed() {
    let Some(stage) = Stage::new() else { return };
    if !Path::new("/usr/bin/timeout").exists() {
        return;
    }
    let rules = RuleSet::compile(&RULES.map(str::to_owned)).unwrap();
    let authority = Authority {
        commands: Some(rules),
        ..Authority::default()
    };
    let cases = std::env::var("JUDGE_EXECUTION_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    let config = ProptestConfig {
        cases: cases.unwrap_or(CASES),
        max_global_rejects: u32::MAX,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    // The same lines every time, unless somebody goes looking for new ones.
    let mut runner = match cases {
        Some(_) => TestRunner::new(config),
        None => {
            let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
            TestRunner::new_with_rng(config, rng)
        }
    };
    let result = runner.run(&line(), |line| {
        let verdict = judge(&Plan::read(&line), &authority, &[] as &[&str]);
        prop_assume!(verdict.decision == Decision::Allow && line.contains('e'));
        for shell in ["/bin/bash", "/bin/sh"] {
            let started = stage.run(shell, &line);
            prop_assert!(!started.contains("evil"), "{shell} ran it: {line:?}");
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
