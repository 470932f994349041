//! Options that take a password, by program.

use crate::{
    argument::{Argument, UNKNOWN},
    credential::{Finding, Kind, is_secret_name, is_secret_value},
};

/// Options that may stand before a verb; more are not looked at again and again.
const MOST_OPTIONS: usize = 64;

/// `--password=x`, `--password x`, `--token x`
pub(super) fn long_option(
    program: &str,
    word: &Argument,
    next: Option<&Argument>,
) -> Option<Finding> {
    let text = word.known_prefix();
    let body = text
        .strip_prefix("--")
        .or_else(|| single_dash_long(program, text))?;
    let (name, value) = match body.find('=') {
        Some(at) => {
            let (name, _) = body.split_at(at);
            (name, Some(word.after(text.len() - body.len() + at + 1)))
        }
        // `mysql --password` asks; only these take the next word.
        None if takes_next_word(program) => {
            (body, next.filter(|word| !starts_option(word)).cloned())
        }
        None => return None,
    };
    let found = is_secret_name(name) && value.is_some_and(|value| is_secret_value(&value));
    found.then(|| Finding {
        kind: Kind::Option,
        name: format!("--{name}"),
    })
}

/// Programs whose long options have one dash.
fn single_dash_long<'t>(program: &str, text: &'t str) -> Option<&'t str> {
    let known = matches!(
        program,
        "ldapsearch" | "java" | "keytool" | "terraform" | "rabbitmqadmin"
    );
    text.strip_prefix('-').filter(|_| known)
}

/// The MySQL family takes `--password` alone as "ask me".
fn takes_next_word(program: &str) -> bool {
    !is_mysql(program)
        && !matches!(
            program,
            "psql" | "pg_dump" | "pg_restore" | "createdb" | "dropdb"
        )
}

fn starts_option(word: &Argument) -> bool {
    word.known_prefix().starts_with('-')
}

fn is_mysql(program: &str) -> bool {
    program.starts_with("mysql") || program.starts_with("mariadb") || program == "mysqldump"
}

/// Short options that carry a password, by program: `-pSECRET`, `-p SECRET`.
pub(super) fn short_option(
    program: &str,
    word: &Argument,
    next: Option<&Argument>,
    arguments: &[Argument],
) -> Option<Finding> {
    let (letters, separate): (&[&str], bool) = match program {
        _ if is_mysql(program) => (&["-p"], false),
        "sshpass" => (&["-p"], true),
        "docker" | "podman" | "helm" | "buildah" | "skopeo" | "az"
            if verb(arguments) == Some("login") =>
        {
            (&["-p"], true)
        }
        "mongo" | "mongosh" | "mongodump" | "mongorestore" | "mongoexport" | "mongoimport" => {
            (&["-p"], true)
        }
        "redis-cli" => (&["-a"], true),
        "sqlcmd" | "bcp" => (&["-P"], true),
        "ldapsearch" | "ldapadd" | "ldapmodify" | "ldapdelete" | "ldapwhoami" => (&["-w"], true),
        "smbclient" | "rpcclient" | "net" | "curl" => return user_option(program, word, next),
        "7z" | "7za" | "7zr" => (&["-p"], false),
        "zip" | "unzip" => (&["-P"], true),
        "htpasswd" => return htpasswd(word, arguments),
        "openssl" => return openssl(word, next),
        _ => return None,
    };
    let text = word.known_prefix();
    let letter = letters.iter().find(|letter| text.starts_with(**letter))?;
    let attached = word.after(letter.len());
    let value = match (attached.pattern().is_empty(), separate) {
        (false, _) => attached,
        (true, true) => next?.clone(),
        (true, false) => return None,
    };
    let secret = !value.is_dynamic() && !value.pattern().is_empty();
    secret.then(|| Finding {
        kind: Kind::Option,
        name: (*letter).to_owned(),
    })
}

/// The first word that is no option.
fn verb(arguments: &[Argument]) -> Option<&str> {
    let mut known = arguments
        .iter()
        .take(MOST_OPTIONS)
        .filter_map(Argument::as_static);
    known.find(|text| !text.starts_with('-'))
}

/// `curl -u user:password`, `smbclient -U user%password`
fn user_option(program: &str, word: &Argument, next: Option<&Argument>) -> Option<Finding> {
    let (options, separator): (&[&str], char) = match program {
        "curl" => (&["--proxy-user", "--user", "-u", "-U"], ':'),
        _ => (&["--user", "-U"], '%'),
    };
    let text = word.known_prefix();
    let option = options.iter().find(|option| text.starts_with(**option))?;
    let rest = word.after(option.len());
    let value = match rest.pattern().strip_prefix('=') {
        Some(_) => rest.after(1),
        None if rest.pattern().is_empty() => next?.clone(),
        None if option.starts_with("--") => return None,
        None => rest,
    };
    let (_, secret) = value.pattern().split_once(separator)?;
    let found = !secret.is_empty() && !secret.contains(UNKNOWN);
    found.then(|| Finding {
        kind: Kind::Option,
        name: (*option).to_owned(),
    })
}

/// `htpasswd -b file user password`
fn htpasswd(word: &Argument, arguments: &[Argument]) -> Option<Finding> {
    let text = word.as_static()?;
    let batch = text.starts_with('-') && !text.starts_with("--") && text.contains('b');
    let written = arguments.last().is_some_and(is_secret_value);
    (batch && written).then(|| Finding {
        kind: Kind::Option,
        name: "-b".to_owned(),
    })
}

/// `openssl … -passin pass:secret`, `-k secret`
fn openssl(word: &Argument, next: Option<&Argument>) -> Option<Finding> {
    let option = word.as_static()?;
    let value = next?.as_static()?;
    let found = match option {
        "-passin" | "-passout" | "-pass" => value
            .strip_prefix("pass:")
            .is_some_and(|text| !text.is_empty()),
        _ => false,
    };
    found.then(|| Finding {
        kind: Kind::Option,
        name: option.to_owned(),
    })
}
