//! The installation guide, for people on stderr or as JSON on stdout.

use client::Api;
use client::registration_tokens::{
    self, AnsibleGuide, GuideHead, GuideRequest, Method, TokenInstallGuide,
};

use crate::error::Failure;
use crate::output::{json, message};

const AFTERWARDS: &str = "The server appears in `alpacon server ls` shortly afterwards.";

pub(super) async fn show(
    api: &Api,
    method: Method,
    request: &GuideRequest<'_>,
    as_json: bool,
) -> Result<(), Failure> {
    match method {
        Method::TokenInstall => {
            let guide: TokenInstallGuide = registration_tokens::guide(api, method, request).await?;
            if as_json {
                json::print(&guide);
            } else {
                message::plain(&token_install(&guide));
            }
        }
        Method::Ansible => {
            let guide: AnsibleGuide = registration_tokens::guide(api, method, request).await?;
            if as_json {
                json::print(&guide);
            } else {
                message::plain(&ansible(&guide));
            }
        }
    }
    Ok(())
}

fn header(head: &GuideHead) -> String {
    let server = match head.server_name.as_str() {
        "" => String::new(),
        name => format!("Server:   {name}\n"),
    };
    format!(
        "\nHow to register the server\n\nPlatform: {}\n{server}URL:      {}\n",
        head.platform_label, head.alpacon_url
    )
}

fn token_install(guide: &TokenInstallGuide) -> String {
    let install: String = guide
        .install_commands
        .iter()
        .map(|command| format!("  {command}\n"))
        .collect();
    format!(
        "{}\n1. Install the agent on the host:\n\n{install}\n2. Register it:\n\n  {}\n\n3. {AFTERWARDS}",
        header(&guide.head),
        guide.register_command
    )
}

fn ansible(guide: &AnsibleGuide) -> String {
    format!(
        "{}\n1. Install the collection:\n\n{}\n\n2. Save this as inventory.ini:\n\n{}\n\n\
         3. Register. Option A (recommended), the bundled playbook:\n\n{}\n\n   Option B, a \
         playbook of your own: save this as playbook.yml\n\n{}\n\n   and run\n\n{}\n\n4. {AFTERWARDS}",
        header(&guide.head),
        guide.collection_install,
        guide.inventory_snippet,
        guide.run_command_quick,
        guide.playbook_snippet,
        guide.run_command_custom,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_has_three_steps() {
        let guide = TokenInstallGuide {
            head: GuideHead {
                platform_label: "Debian / Ubuntu".into(),
                alpacon_url: "https://a.example.com".into(),
                server_name: "web-01".into(),
                ..GuideHead::default()
            },
            install_commands: vec!["install".into()],
            register_command: "register".into(),
            ..TokenInstallGuide::default()
        };
        insta::assert_snapshot!(token_install(&guide), @r"

        How to register the server

        Platform: Debian / Ubuntu
        Server:   web-01
        URL:      https://a.example.com

        1. Install the agent on the host:

          install

        2. Register it:

          register

        3. The server appears in `alpacon server ls` shortly afterwards.
        ");
    }
}
