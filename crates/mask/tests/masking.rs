//! What is masked, what is not, and that pieces make no difference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::sync::Arc;

use mask::{Custom, Masker, PLACEHOLDER, Patterns, mask, shapes::SHAPES};
use proptest::prelude::*;

fn masked(text: &str) -> String {
    mask(&Patterns::built_in(), text).into_owned()
}

fn in_pieces<'t>(pieces: impl IntoIterator<Item = &'t str>) -> String {
    let mut masker = Masker::new(Patterns::built_in());
    let pieces = pieces.into_iter();
    pieces
        .map(|piece| masker.push(piece).into_owned())
        .collect()
}

#[test]
fn values_behind_names_are_masked() {
    for (text, expected) in [
        ("password=hunter2", "password=[masked]"),
        ("DB_PASSWORD='p w d'\n", "DB_PASSWORD='[masked]'\n"),
        (
            r#"{"password": "a\tb", "user": "x"}"#,
            r#"{"password": "[masked]", "user": "x"}"#,
        ),
        (
            r#"{"passphrase": "a\"b c"}"#,
            r#"{"passphrase": "[masked]"}"#,
        ),
        (
            r#""{\"secret\":\"abcdef\"}""#,
            r#""{\"secret\":\"[masked]"}""#,
        ),
        (
            "Authorization: Bearer abc.def\r\n",
            "Authorization: Bearer [masked]\r\n",
        ),
        (
            "authorization: Basic dXNlcg==",
            "authorization: Basic [masked]",
        ),
        ("api-key: 12345 # live", "api-key: [masked] # live"),
        (
            "mysql --password hunter2 db",
            "mysql --password [masked] db",
        ),
        ("password := \"geheim\"", "password := \"[masked]\""),
        ("token=Zm9vYmFyMTIzNDU2Nzg5MA", "token=[masked]"),
        (
            "https://bob:s3cret@example.com/x",
            "https://bob:[masked]@example.com/x",
        ),
    ] {
        assert_eq!(masked(text), expected);
    }
}

#[test]
fn what_is_no_secret_stays() {
    for text in [
        "",
        "[sudo] password for bob: ",
        "Password:\nLogin incorrect\n",
        "password=$DB_PASSWORD password=${X} password: <hidden> password=****",
        "password: null, token: none",
        "monkey: 3f2a9c1b7d8e4f60 compass=north",
        "token: 5",
        "key: value",
        "pwd=/root/some/long/path/with/123456",
        "listening on http://0.0.0.0:8080/ and http://localhost:80",
        "git@example.com:repository.git ssh://git@example.com:22/x",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "secretName: db\nkind: Secret\nsecretKeyRef:\n",
        "task-0123456789 disk-usage ghp_short eyJ",
        "--password-file /run/x --password --verbose",
        "\u{1b}[31mred\u{1b}[0m password",
    ] {
        assert_eq!(masked(text), text);
    }
}

#[test]
fn every_shape_is_known() {
    let body: String = "aB3dE6gH9k".chars().cycle().take(600).collect();
    for shape in SHAPES {
        let token = &body[..shape.least];
        let text = format!("before {}{token} after", shape.prefix);
        let expected = format!("before {}[masked] after", shape.prefix);
        assert_eq!(masked(&text), expected, "{}", shape.name);
    }
}

#[test]
fn private_keys_are_masked_to_their_end() {
    let body = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n".repeat(40);
    for kind in ["", "RSA ", "OPENSSH ", "ENCRYPTED "] {
        let text = format!(
            "-----BEGIN {kind}PRIVATE KEY-----\n{body}-----END {kind}PRIVATE KEY-----\nls\n"
        );
        let expected = format!(
            "-----BEGIN {kind}PRIVATE KEY-----[masked]-----END {kind}PRIVATE KEY-----\nls\n"
        );
        assert_eq!(masked(&text), expected);
        assert_eq!(in_pieces(text.split_inclusive('\n')), expected);
    }
    // One that does not end hides no more than its longest length.
    let endless = format!("-----BEGIN PRIVATE KEY-----\n{}", "a\n".repeat(100_000));
    assert!(masked(&endless).len() > 100_000);
}

#[test]
fn colours_do_not_hide_a_secret() {
    let coloured = "pass\u{1b}[01;31mword\u{1b}[m=hun\u{1b}[32mter2\u{1b}[m done";
    assert_eq!(
        masked(coloured),
        "pass\u{1b}[01;31mword\u{1b}[m=[masked]\u{1b}[32m\u{1b}[m done"
    );
}

#[test]
fn a_workspace_adds_its_own() {
    let own = Custom {
        prefix: "acme-".to_owned(),
        least: 6,
    };
    let patterns = Arc::new(Patterns::with(&[own]).unwrap());
    assert_eq!(mask(&patterns, "see acme-a1b2c3!"), "see acme-[masked]!");
    assert_eq!(mask(&patterns, "see acme-a1b!"), "see acme-a1b!");
}

#[test]
fn a_secret_may_be_longer_than_memory() {
    let secret = "x1".repeat(5000);
    let text = format!("password={secret} end");
    let pieces: Vec<&str> = text
        .as_bytes()
        .chunks(7)
        .map(|piece| std::str::from_utf8(piece).unwrap())
        .collect();
    assert_eq!(in_pieces(pieces), "password=[masked] end");
}

/// Cuts a text at places that are no middle of a character.
fn cut<'t>(text: &'t str, places: &[prop::sample::Index]) -> Vec<&'t str> {
    let mut at: Vec<usize> = places
        .iter()
        .map(|place| text.floor_char_boundary(place.index(text.len() + 1)))
        .collect();
    at.extend([0, text.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

const SECRET: &str = "Zq7xW2mN9pL4kR8vT1yB6cF3hJ5dG0sAeUiO";

proptest! {
    #[test]
    fn no_cut_lets_a_secret_through(
        before in "[a-zA-Z0-9 =:\"'\n.,/-]{0,40}",
        template in prop::sample::select(vec![
            " password=@ ", " \"api_key\": \"@\" ", " ghp_@ ", " Authorization: Bearer @\n",
            " https://user:@@host/ ", "\n-----BEGIN PRIVATE KEY-----\n@\n-----END PRIVATE KEY-----\n",
            " token: @ ", " pass\u{1b}[1mword\u{1b}[m='@' ",
        ]),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let text = format!("{before}\n{}after", template.replacen('@', SECRET, 1));
        let shown = in_pieces(cut(&text, &places));
        // At most a part that no other reading could have known is left of it.
        for length in [8] {
            for start in 0..SECRET.len() - length {
                prop_assert!(!shown.contains(&SECRET[start..start + length]), "{shown:?}");
            }
        }
        prop_assert!(shown.contains(PLACEHOLDER));
        prop_assert!(shown.ends_with("after"));
    }

    #[test]
    fn text_without_secrets_is_not_touched(
        text in "[b-f0-9 \n;|(){}äß]{0,200}",
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        prop_assert_eq!(in_pieces(cut(&text, &places)), text);
    }

    #[test]
    fn anything_is_taken_and_masking_twice_changes_nothing(
        text in any::<String>(),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        drop(in_pieces(cut(&text, &places)));
        let once = masked(&text);
        prop_assert_eq!(masked(&once), once.clone());
    }
}
