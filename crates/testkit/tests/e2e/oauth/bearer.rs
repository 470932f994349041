//! Access tokens that are not ours, not whole or not access tokens.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use testkit::System;

use super::{bearer, claims, log_in};

fn header(jwt: &str) -> Value {
    let bytes = URL_SAFE_NO_PAD
        .decode(jwt.split('.').next().unwrap())
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[track_caller]
fn refused(system: &System, token: &str, why: &str) {
    let answer = bearer(system, token).get("/api/status/");
    assert_eq!(answer.status, 401, "{why}: {}", answer.text());
}

#[test]
fn forged_tokens_are_refused() {
    let system = System::start();
    let genuine = log_in(&system).access;
    bearer(&system, &genuine).get("/api/status/").expect(200);
    let (ours, said) = (header(&genuine), claims(&genuine));
    assert_eq!(ours["typ"], "at+jwt");
    let kid = ours["kid"].as_str().unwrap();
    let signature = genuine.rsplit('.').next().unwrap();

    let with = |name: &str, value: Value| {
        let mut header = ours.clone();
        header[name] = value;
        header
    };
    for alg in ["none", "None", "HS256", "ES384", "EdDSA", "RS256"] {
        let head = part(&with("alg", json!(alg)));
        refused(&system, &format!("{head}.{}.", part(&said)), alg);
        refused(&system, &format!("{head}.{}.{signature}", part(&said)), alg);
    }
    let mut richer = said.clone();
    richer["exp"] = json!(said["exp"].as_i64().unwrap() + 1);
    refused(
        &system,
        &format!("{}.{}.{signature}", part(&ours), part(&richer)),
        "claims",
    );
    let critical = part(&with("crit", json!(["x"])));
    refused(
        &system,
        &format!("{critical}.{}.{signature}", part(&said)),
        "crit",
    );

    // The public key as the secret of an HMAC.
    let keys = system.anonymous().get("/.well-known/jwks.json").json();
    let key = &keys["keys"][0];
    let point: Vec<u8> = [vec![4]]
        .into_iter()
        .chain(["x", "y"].map(|name| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap()))
        .flatten()
        .collect();
    let mut hmac = Header::new(Algorithm::HS256);
    hmac.typ = Some("at+jwt".to_owned());
    hmac.kid = Some(kid.to_owned());
    for secret in [point.clone(), key.to_string().into_bytes()] {
        let forged = encode(&hmac, &said, &EncodingKey::from_secret(&secret)).unwrap();
        refused(&system, &forged, "algorithm confusion");
    }

    // A key of the attacker's own, under our id, under theirs, and brought along.
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let foreign = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
    for kid in [
        Some(kid.to_owned()),
        Some("00000000-0000-7000-8000-000000000000".to_owned()),
        None,
    ] {
        let mut head = Header::new(Algorithm::ES256);
        head.typ = Some("at+jwt".to_owned());
        head.kid = kid;
        head.jku = Some("https://evil.example/jwks.json".to_owned());
        refused(
            &system,
            &encode(&head, &said, &foreign).unwrap(),
            "foreign key",
        );
    }
    for text in [
        "",
        "a",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        &format!("{genuine}x"),
        &format!("{genuine}."),
    ] {
        refused(&system, text, "form");
    }
    bearer(&system, &genuine).get("/api/status/").expect(200);
}

#[test]
fn a_token_is_no_longer_good_under_a_key_that_is_gone() {
    let system = System::start();
    let old = log_in(&system);
    bearer(&system, &old.access).get("/api/status/").expect(200);
    system.stop_server();
    system.database().execute("DELETE FROM signing_keys");
    system.restart_server();
    refused(&system, &old.access, "key gone");
    // The login itself stays: only its access tokens were lost.
    let fresh = super::refresh(&system, super::CLI, &old.refresh).text_at("/access_token");
    bearer(&system, &fresh).get("/api/status/").expect(200);
}

#[test]
fn new_keys_log_nobody_out() {
    let system = System::start();
    let before = log_in(&system);
    let old = header(&before.access)["kid"].clone();
    let (done, said) = system.rotate_keys();
    assert!(done, "{said}");
    system.stop_server();
    system.restart_server();
    bearer(&system, &before.access)
        .get("/api/status/")
        .expect(200);
    let after = super::refresh(&system, super::CLI, &before.refresh).text_at("/access_token");
    assert_ne!(header(&after)["kid"], old);
    bearer(&system, &after).get("/api/status/").expect(200);
    let keys = system.anonymous().get("/.well-known/jwks.json").json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    let private = system
        .database()
        .integer("SELECT count(*) FROM signing_keys WHERE private_key IS NOT NULL");
    assert_eq!(private, 1, "the old private key is kept");
}

#[test]
fn an_id_token_is_no_access_token() {
    let system = System::start();
    let started = super::start_device(&system);
    super::decide_device(
        &super::signed_in(&system),
        &super::text(&started, "user_code"),
        "approve",
    )
    .expect(200);
    let tokens = super::poll(&system, &super::text(&started, "device_code")).expect(200);
    let id_token = tokens.text_at("/id_token");
    assert_eq!(claims(&id_token)["aud"], super::CLI);
    refused(&system, &id_token, "id token");
    refused(&system, &tokens.text_at("/refresh_token"), "refresh token");
}
