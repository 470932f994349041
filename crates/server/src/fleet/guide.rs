//! Instructions for bringing a host in (`rest-identity.md` §18.2).

use protocol::id::RegistrationTokenId;
use protocol::server::GuideRequest;
use serde::Serialize;

use super::{register, slug};
use crate::http::{ApiError, ApiResult, Ctx};

/// Stands for the key, which is shown once, when the token is made.
const KEY: &str = "<REGISTRATION_TOKEN_KEY>";

/// What both guides say.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Common {
    method_id: &'static str,
    platform: String,
    platform_label: &'static str,
    alpacon_url: String,
    server_name: String,
    package_proxy: Option<String>,
    allow_sudo_with_mfa: bool,
}

/// How to install and register by hand.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct TokenInstallGuide {
    #[serde(flatten)]
    common: Common,
    token_key: &'static str,
    install_commands: Vec<String>,
    register_command: String,
}

/// How to install and register with Ansible.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct AnsibleGuide {
    #[serde(flatten)]
    common: Common,
    registration_token: &'static str,
    collection_install: String,
    run_command_quick: String,
    inventory_snippet: String,
    playbook_snippet: String,
    run_command_custom: String,
}

/// Commands for one host.
pub(super) async fn token_install(
    ctx: &Ctx,
    request: &GuideRequest,
) -> ApiResult<TokenInstallGuide> {
    let common = common(ctx, "token-install", request).await?;
    Ok(TokenInstallGuide {
        token_key: KEY,
        install_commands: install_commands(&common.platform),
        register_command: register_command(&common),
        common,
    })
}

/// A playbook for many hosts.
pub(super) async fn ansible(ctx: &Ctx, request: &GuideRequest) -> ApiResult<AnsibleGuide> {
    if request.platform == "windows" {
        return Err(ApiError::field(
            "server",
            "platform",
            "There is no Ansible guide for windows; use the method token-install.",
        ));
    }
    let common = common(ctx, "ansible", request).await?;
    let playbook = "ansible-playbook -i inventory.ini playbook.yml";
    let host = match common.server_name.as_str() {
        "" => "host.example.com",
        name => name,
    };
    Ok(AnsibleGuide {
        registration_token: KEY,
        collection_install: "# No collection is needed: the playbook uses built-in modules only."
            .to_owned(),
        run_command_quick: format!("{playbook} -e 'registration_token={KEY}'"),
        inventory_snippet: format!("[alpacon]\n{host}\n"),
        playbook_snippet: playbook_snippet(&common)?,
        run_command_custom: format!("{playbook} -e 'registration_token={KEY}'"),
        common,
    })
}

async fn common(ctx: &Ctx, method: &'static str, request: &GuideRequest) -> ApiResult<Common> {
    ctx.principal.require_staff()?;
    register::check_platform(&request.platform)?;
    if !request.server_name.is_empty() {
        slug::check(&request.server_name)?;
    }
    if !request.registration_token.is_empty() {
        let unknown = || {
            ApiError::field(
                "server",
                "registration_token",
                "There is no such registration token; see: alpacon server token ls",
            )
        };
        let id = request.registration_token.parse().map_err(|_| unknown())?;
        ctx.tenant()
            .fleet()
            .registration_token(RegistrationTokenId(id))
            .await?
            .ok_or_else(unknown)?;
    }
    Ok(Common {
        method_id: method,
        platform_label: label(&request.platform),
        platform: request.platform.clone(),
        alpacon_url: ctx.base_url.clone(),
        server_name: request.server_name.clone(),
        package_proxy: None,
        allow_sudo_with_mfa: ctx.workspace.settings.allow_sudo_with_mfa,
    })
}

fn label(platform: &str) -> &'static str {
    match platform {
        "debian" => "Debian / Ubuntu",
        "rhel" => "RHEL / Rocky / Fedora",
        "darwin" => "macOS",
        _ => "Windows",
    }
}

/// How the agent gets onto the host. This server gives out no packages.
fn install_commands(platform: &str) -> Vec<String> {
    let lines: &[&str] = match platform {
        "windows" => &["rem Copy alpamon.exe of the release you use into the current folder."],
        "darwin" => &[
            "# Copy the alpamon program of the release you use into the current folder.",
            "sudo install -m 0755 alpamon /usr/local/bin/alpamon",
        ],
        _ => &[
            "# Copy the alpamon program of the release you use into the current folder.",
            "sudo install -m 0755 alpamon /usr/bin/alpamon",
        ],
    };
    lines.iter().map(|line| (*line).to_owned()).collect()
}

fn register_command(common: &Common) -> String {
    let name = match common.server_name.as_str() {
        "" => String::new(),
        name => format!(" --name {name}"),
    };
    let platform = &common.platform;
    let (program, url, key) = if platform == "windows" {
        let url = format!("\"{}\"", common.alpacon_url.replace('"', ""));
        (".\\alpamon.exe", url, format!("\"{KEY}\""))
    } else {
        let url = shell_word(&common.alpacon_url);
        ("sudo alpamon", url, shell_word(KEY))
    };
    format!("{program} register --url {url} --token {key} --platform {platform}{name}")
}

/// One word of a POSIX shell. The address comes from the request, so it may hold
/// anything.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:[]".contains(c);
    if text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn playbook_snippet(common: &Common) -> ApiResult<String> {
    // A JSON text is a YAML text. What a template could be made of is kept from it.
    let url = common.alpacon_url.replace(['{', '}'], "");
    let url = serde_json::to_string(&url).map_err(ApiError::internal)?;
    let platform = &common.platform;
    Ok(format!(
        r#"- hosts: alpacon
  become: true
  tasks:
    - name: Install the agent
      ansible.builtin.copy:
        src: alpamon
        dest: /usr/bin/alpamon
        mode: "0755"
    - name: Register the host
      no_log: true
      ansible.builtin.command:
        argv:
          - /usr/bin/alpamon
          - register
          - --url
          - {url}
          - --token
          - "{{{{ registration_token }}}}"
          - --platform
          - {platform}
        creates: /etc/alpamon/alpamon.conf
"#
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(url: &str, platform: &str, name: &str) -> Common {
        Common {
            method_id: "token-install",
            platform: platform.to_owned(),
            platform_label: label(platform),
            alpacon_url: url.to_owned(),
            server_name: name.to_owned(),
            package_proxy: None,
            allow_sudo_with_mfa: false,
        }
    }

    #[test]
    fn the_command_registers_and_cannot_be_broken_out_of() {
        assert_eq!(
            register_command(&common("https://a.example.com:8443", "debian", "web-01")),
            "sudo alpamon register --url https://a.example.com:8443 \
             --token '<REGISTRATION_TOKEN_KEY>' --platform debian --name web-01"
        );
        let odd = register_command(&common("http://a;reboot'x", "rhel", ""));
        assert!(
            odd.contains(r"--url 'http://a;reboot'\''x' --token"),
            "{odd}"
        );
    }

    #[test]
    fn the_playbook_takes_the_key_as_a_variable() {
        let snippet = playbook_snippet(&common("https://a{{x}}", "debian", "")).unwrap();
        assert!(
            snippet.contains("- \"{{ registration_token }}\""),
            "{snippet}"
        );
        assert!(snippet.contains("- \"https://ax\""), "{snippet}");
    }
}
