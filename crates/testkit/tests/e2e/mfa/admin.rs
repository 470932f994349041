//! Getting in again without one's factors.

use serde_json::json;

use super::{AUTHENTICATOR, is_signed_in, recovery_codes, scene};

#[test]
fn an_administrator_removes_the_factors_of_who_lost_them() {
    let scene = scene();
    let uma = scene.person("uma", &json!({}));
    let path = format!("/api/iam/users/{uma}/mfa/");
    let (visitor, app) = scene.with_app("uma");
    recovery_codes(&visitor);
    let api = scene.api_of("uma", &app.code());
    let shown = scene.root.get(&path).expect(200).json();
    assert_eq!(shown["factors"][0]["method"], "totp", "{shown}");
    assert_eq!(shown["recovery_codes"], 10);
    assert!(!shown.to_string().contains("secret"), "{shown}");
    assert_eq!(api.get(&path).expect(200).json(), shown);

    scene.root.delete(&path).expect(204);
    assert!(!is_signed_in(&visitor));
    api.get("/api/auth/whoami/").expect(401);
    let left = scene.system.database();
    assert_eq!(left.integer("SELECT COUNT(*) FROM mfa_factors"), 0);
    assert_eq!(left.integer("SELECT COUNT(*) FROM recovery_codes"), 0);
    assert!(scene.audit().contains("second factors of uma removed"));
    let again = scene.with_password("uma");
    assert!(is_signed_in(&again));
    again.get(AUTHENTICATOR).expect(200);
}

#[test]
fn factors_are_removed_by_managers_only_and_never_by_tokens() {
    let scene = scene();
    let uma = scene.person("uma", &json!({}));
    let sue = scene.person("sue", &json!({"is_staff": true, "is_superuser": true}));
    scene.person("sally", &json!({"is_staff": true}));
    scene.person("eve", &json!({}));
    let (_, _) = scene.with_app("uma");
    let (_, sues) = scene.with_app("sue");
    let umas = format!("/api/iam/users/{uma}/mfa/");
    let own = format!("/api/iam/users/{sue}/mfa/");
    let eve = scene.api_of("eve", "");
    eve.get(&umas).expect(403);
    eve.delete(&umas).expect(403);
    let sally = scene.api_of("sally", "");
    sally.delete(&own).expect(403);
    sally.get(&own).expect(403);
    let sue = scene.api_of("sue", &sues.code());
    sue.delete(&own).expect(409);
    scene.system.api().delete(&umas).expect(403);
    sue.delete("/api/iam/users/00000000-0000-7000-8000-000000000000/mfa/")
        .expect(404);
    let count = scene.system.database();
    assert_eq!(count.integer("SELECT COUNT(*) FROM mfa_factors"), 2);
    sally.delete(&umas).expect(204);
    assert_eq!(count.integer("SELECT COUNT(*) FROM mfa_factors"), 1);
}
