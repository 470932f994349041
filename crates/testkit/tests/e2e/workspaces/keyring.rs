//! The login of the CLI in the keyring of a desktop.

use testkit::{DesktopKeyring, System};

#[test]
fn a_login_in_the_desktops_keyring_survives_it_and_is_in_no_file() {
    let system = System::start();
    let mut keyring = DesktopKeyring::start();
    let cli = system.cli();
    let token = system.ready().api_token.clone();
    let login = ["login", system.url(), "-t", &token];
    let chosen = [&login[..], &["--credential-store", "secret-service"]].concat();
    cli.run_with(&keyring.environment(), &chosen).exits(0);
    let file = cli.home().join(".alpacon/config.json");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("secret-service"), "{text}");
    assert!(!text.contains(&token), "{text}");
    assert!(!keyring.shows_on_disk(&token));
    cli.run_with(&keyring.environment(), &["whoami"]).exits(0);
    keyring.restart();
    cli.run_with(&keyring.environment(), &["whoami"]).exits(0);

    // Where the desktop is not there, neither is the login.
    let nowhere = [("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")];
    cli.run_with(&nowhere, &["server", "ls"])
        .exits(1)
        .stderr_has("--credential-store file");
    // A new login goes nowhere else by itself, whether the choice is made again or not.
    for again in [&chosen[..], &login[..]] {
        cli.run_with(&nowhere, again)
            .exits(1)
            .stderr_has("--credential-store file");
        assert!(!std::fs::read_to_string(&file).unwrap().contains(&token));
    }

    // The choice stays, until another one takes the secrets away.
    cli.run_with(&keyring.environment(), &login).exits(0);
    assert!(!std::fs::read_to_string(&file).unwrap().contains(&token));
    let back = [&login[..], &["--credential-store", "file"]].concat();
    cli.run_with(&keyring.environment(), &back).exits(0);
    cli.run_with(&nowhere, &["whoami"]).exits(0);
    std::fs::write(&file, &text).unwrap();
    cli.run_with(&keyring.environment(), &["server", "ls"])
        .exits(1);

    cli.run_with(&keyring.environment(), &chosen).exits(0);
    cli.run_with(&keyring.environment(), &["logout"]).exits(0);
    std::fs::write(&file, &text).unwrap();
    cli.run_with(&keyring.environment(), &["server", "ls"])
        .exits(1);
}
