//! Tokens that must not be exchanged.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use testkit::eventually;

use super::{AUDIENCE, Scene, scene};
use crate::issuer::{Issuer, Key};

/// Tries tokens whose claim is another, or none.
#[track_caller]
fn refuse(scene: &Scene, table: Vec<(&str, Value)>) {
    for (claim, value) in table {
        let mut claims = scene.issuer.claims(AUDIENCE);
        match value.is_null() {
            true => drop(claims.as_object_mut().unwrap().remove(claim)),
            false => claims[claim] = value.clone(),
        }
        let answer = scene.exchange(&scene.issuer.sign(&claims));
        assert_eq!(answer.status, 400, "{claim} {value}: {}", answer.text());
        assert_eq!(answer.json()["error"], "invalid_request");
    }
    assert_eq!(scene.issued(), 0);
}

#[test]
fn tokens_that_do_not_hold_let_nobody_in() {
    let scene = scene();
    scene.trust_main();
    let time = chrono::Utc::now().timestamp();
    let table = vec![
        ("aud", json!("https://other.example")),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("iss", json!("https://other.example")),
        ("exp", json!(time - 3600)),
        ("exp", Value::Null),
        ("nbf", json!(time + 3600)),
        ("iat", json!(time + 3600)),
        ("iat", Value::Null),
        ("sub", json!("")),
        ("sub", json!("a\0b")),
    ];
    refuse(&scene, table);
}

#[test]
fn jobs_that_a_rule_does_not_mean_are_not_let_in() {
    let scene = scene();
    scene.trust_main();
    let table = vec![
        // An organisation whose name begins like the trusted one.
        ("repository", json!("acme-evil/app")),
        ("repository", json!("acme")),
        ("repository", json!("acme/app/extra")),
        ("repository", json!("ACME/app")),
        ("repository", json!(["acme-evil/app"])),
        ("repository", json!({"name": "acme/app"})),
        ("repository", Value::Null),
        ("ref", json!("refs/heads/main2")),
        ("ref", json!("refs/pull/1/merge")),
        ("ref", Value::Null),
    ];
    refuse(&scene, table);
    let record = scene.root.get("/api/audit/activity/?page_size=100").json();
    assert!(
        record
            .to_string()
            .contains("no trust rule lets this job in"),
        "refusals of jobs whose token holds are on record"
    );
}

#[test]
fn signatures_of_others_let_nobody_in() {
    let scene = scene();
    scene.trust_main();
    scene.job();
    let claims = scene.issuer.claims(AUDIENCE);
    let good = scene.issuer.sign(&claims);
    let parts: Vec<&str> = good.split('.').collect();
    let header = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    // The public key as the secret of an HMAC.
    let confused = |secret: &[u8]| {
        let header = Header {
            kid: Some("one".to_owned()),
            ..Header::new(Algorithm::HS256)
        };
        encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap()
    };
    let other = Issuer::start();
    let mut foreign = claims.clone();
    foreign["repository"] = json!("acme/other");
    for (what, token) in [
        ("foreign key, same id", Key::new("one").sign(&claims)),
        ("foreign key, unknown id", Key::new("other").sign(&claims)),
        ("key of another issuer", other.sign(&claims)),
        ("hmac", confused(&scene.issuer.public_bytes())),
        ("hmac, empty", confused(b"")),
        (
            "none",
            format!("{}.{}.", header(json!({"alg": "none"})), parts[1]),
        ),
        (
            "none with a signature",
            format!(
                "{}.{}.{}",
                header(json!({"alg": "none"})),
                parts[1],
                parts[2]
            ),
        ),
        (
            "a key that the token brings",
            format!(
                "{}.{}.{}",
                header(json!({"alg": "ES256", "jku": other.url(), "jwk": {}})),
                parts[1],
                parts[2]
            ),
        ),
        (
            "other claims under the signature",
            format!("{}.{}.{}", parts[0], header(foreign), parts[2]),
        ),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("nothing", String::new()),
        ("noise", "a.b.c".to_owned()),
        ("much", "a".repeat(15_000)),
    ] {
        let answer = scene.exchange(&token);
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
    }
    assert_eq!(scene.issued(), 1, "only the honest job");
    assert_eq!(
        other.requests(),
        0,
        "nobody is sent where a token points to"
    );
    scene.exchange(&good).expect(200);
}

#[test]
fn a_token_is_good_for_one_exchange() {
    let scene = scene();
    scene.trust_main();
    let claims = scene.issuer.claims(AUDIENCE);
    let token = scene.issuer.sign(&claims);
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let race: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| scene.exchange(&token).status))
            .collect();
        race.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let won = answers.iter().filter(|status| **status == 200).count();
    assert_eq!(won, 1, "{answers:?}");
    // Signed anew: another signature, the same token.
    let again = scene.exchange(&scene.issuer.sign(&claims)).expect(400);
    assert!(
        again.text().contains("exchanged before"),
        "{}",
        again.text()
    );
    // Without an id the token itself is what is used up.
    let mut unnamed = scene.issuer.claims(AUDIENCE);
    unnamed.as_object_mut().unwrap().remove("jti");
    let unnamed = scene.issuer.sign(&unnamed);
    scene.exchange(&unnamed).expect(200);
    scene.exchange(&unnamed).expect(400);
    assert_eq!(scene.issued(), 2);
}

#[test]
fn the_exchange_takes_nothing_else() {
    let scene = scene();
    scene.trust_main();
    let token = scene.issuer.token(AUDIENCE);
    for more in [
        json!({"subject_token": token, "subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}),
        json!({"subject_token": token, "subject_token_type": ""}),
        json!({"subject_token": token, "actor_token": token}),
        json!({"subject_token": token, "rule": "unknown"}),
        json!({"subject_token": [token]}),
    ] {
        scene.exchange_with(&more).expect(400);
    }
    // Of two rules that fit, the job names one.
    let narrow = scene.rule("narrow", &json!({"repository": ["acme/app"]}));
    narrow.expect(201);
    let both = scene.exchange(&token).expect(400);
    assert!(both.text().contains("main, narrow"), "{}", both.text());
    scene
        .exchange_with(&json!({"subject_token": token, "rule": "narrow"}))
        .expect(200);
}

#[test]
fn an_issuer_that_no_rule_names_is_not_asked() {
    let scene = scene();
    let answer = scene.exchange(&scene.issuer.token(AUDIENCE)).expect(400);
    assert!(answer.text().contains("trust rule"), "{}", answer.text());
    assert_eq!(scene.issuer.requests(), 0);
    assert_eq!(scene.issued(), 0);
}

#[test]
fn an_issuer_out_of_order_is_no_way_in() {
    let scene = scene();
    scene.trust_main();
    let other = Issuer::start();
    let elsewhere = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}/.well-known/openid-configuration\r\n\
         content-length: 0\r\nconnection: close\r\n\r\n",
        other.url()
    );
    let endless = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{}",
        " ".repeat(2 << 20)
    );
    let body = json!({"issuer": other.url(), "jwks_uri": format!("{}/jwks", other.url())});
    let lying = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.to_string().len()
    );
    let inward = json!({"issuer": scene.issuer.url(), "jwks_uri": "http://127.0.0.2/jwks"});
    let inward = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{inward}",
        inward.to_string().len()
    );
    let broken = "HTTP/1.1 500 Oh\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    for raw in [&elsewhere, &endless, &lying, &inward, &broken.to_owned()] {
        scene.issuer.answer_instead(Some(raw));
        let answer = eventually("the issuer is asked again", || {
            let before = scene.issuer.requests();
            let answer = scene.exchange(&scene.issuer.token(AUDIENCE));
            (scene.issuer.requests() > before).then_some(answer)
        });
        assert!(
            matches!(answer.status, 400 | 503),
            "{}: {}",
            answer.status,
            answer.text()
        );
    }
    assert_eq!(other.requests(), 0, "redirects and lies are not followed");
    scene.issuer.answer_instead(None);
    eventually("an issuer in order again is believed", || {
        (scene.exchange(&scene.issuer.token(AUDIENCE)).status == 200).then_some(())
    });
}

#[test]
fn new_keys_of_an_issuer_are_learned() {
    let scene = scene();
    scene.trust_main();
    scene.job();
    let old = scene.issuer.token(AUDIENCE);
    scene.issuer.rotate();
    eventually("the new key is known", || {
        (scene.exchange(&scene.issuer.token(AUDIENCE)).status == 200).then_some(())
    });
    // Refusals are counted, so this one may have to wait for its turn.
    eventually("the old key is refused", || {
        scene
            .exchange(&old)
            .text()
            .contains("does not have")
            .then_some(())
    });
}
