//! A real browser in front of the pages.

use std::path::Path;

use serde_json::json;

use super::scene;

#[test]
fn a_browser_goes_to_the_provider_and_comes_back_signed_in() {
    let scene = scene();
    scene.provider("corp", &json!({"link_by_email": true}));
    scene.user("jane", "jane@example.com", &json!({}));
    let browser = scene.system.browser();
    browser.open("/login/?next=/device/");
    browser.shows("Sign in with Corp");
    if let Ok(folder) = std::env::var("ALPACON_TEST_PICTURES") {
        browser.screenshots(Path::new(&folder), "sign-in-with-provider");
    }
    browser.click("Sign in with Corp");
    browser.arrives_at("/interaction/");
    browser.fill("login", "jane");
    browser.fill("password", "any");
    browser.click("Sign-in");
    browser.click("Continue");
    browser.arrives_at("/device/");
    browser.shows("jane");
}
