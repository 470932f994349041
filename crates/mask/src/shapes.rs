//! Tokens that are known by how they start.

/// How the text of a token is made up after its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Letters, digits, `_` and `-`.
    Token,
    /// The same and `.`, `+`, `/`, `=`, `~`.
    Wide,
}

impl Class {
    pub(crate) fn has(self, byte: u8) -> bool {
        let token = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        match self {
            Self::Token => token,
            Self::Wide => token || matches!(byte, b'.' | b'+' | b'/' | b'=' | b'~'),
        }
    }
}

/// A kind of token.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// What it is.
    pub name: &'static str,
    /// What it starts with. This is no secret and stays readable.
    pub prefix: &'static str,
    /// What follows.
    pub class: Class,
    /// How much of it, at least.
    pub least: usize,
}

const fn shape(name: &'static str, prefix: &'static str, least: usize) -> Shape {
    Shape {
        name,
        prefix,
        class: Class::Token,
        least,
    }
}

const fn wide(name: &'static str, prefix: &'static str, least: usize) -> Shape {
    Shape {
        name,
        prefix,
        class: Class::Wide,
        least,
    }
}

/// All that are known.
pub const SHAPES: &[Shape] = &[
    shape("Alpacon session", "alpss-", 40),
    shape("Alpacon browser session", "alpbs-", 40),
    shape("Alpacon refresh token", "alprf-", 40),
    shape("Alpacon device code", "alpdc-", 40),
    shape("Alpacon authorization code", "alpac-", 40),
    shape("Alpacon API token", "alpat-", 40),
    shape("Alpacon service token", "alpst-", 40),
    shape("Alpacon registration token", "alprt-", 40),
    shape("Alpacon invitation", "alpin-", 40),
    shape("Alpacon password reset", "alppr-", 40),
    shape("Alpacon agent key", "alpak-", 40),
    shape("AWS access key", "AKIA", 16),
    shape("AWS temporary access key", "ASIA", 16),
    shape("GitHub token", "ghp_", 36),
    shape("GitHub OAuth token", "gho_", 36),
    shape("GitHub user token", "ghu_", 36),
    shape("GitHub server token", "ghs_", 36),
    shape("GitHub refresh token", "ghr_", 36),
    shape("GitHub fine-grained token", "github_pat_", 40),
    shape("GitLab token", "glpat-", 20),
    shape("GitLab runner token", "glrt-", 20),
    shape("GitLab deploy token", "gldt-", 20),
    shape("Slack bot token", "xoxb-", 20),
    shape("Slack user token", "xoxp-", 20),
    shape("Slack app token", "xapp-", 20),
    shape("Slack legacy token", "xoxa-", 20),
    shape("Slack refresh token", "xoxr-", 20),
    wide("Slack webhook", "hooks.slack.com/services/", 20),
    shape("Stripe live key", "sk_live_", 16),
    shape("Stripe test key", "sk_test_", 16),
    shape("Stripe restricted key", "rk_live_", 16),
    shape("Stripe webhook secret", "whsec_", 24),
    shape("Google API key", "AIza", 35),
    shape("Google OAuth token", "ya29.", 20),
    shape("Google client secret", "GOCSPX-", 24),
    shape("npm token", "npm_", 36),
    shape("PyPI token", "pypi-AgE", 40),
    shape("crates.io token", "cio", 32),
    shape("RubyGems key", "rubygems_", 40),
    shape("Docker Hub token", "dckr_pat_", 20),
    shape("Anthropic key", "sk-ant-", 20),
    shape("OpenAI project key", "sk-proj-", 20),
    shape("OpenAI service key", "sk-svcacct-", 20),
    shape("Hugging Face token", "hf_", 30),
    wide("SendGrid key", "SG.", 40),
    shape("DigitalOcean token", "dop_v1_", 40),
    shape("Vault service token", "hvs.", 24),
    shape("Vault batch token", "hvb.", 24),
    shape("Databricks token", "dapi", 32),
    shape("Linear key", "lin_api_", 32),
    shape("Shopify token", "shpat_", 32),
    shape("Square token", "sq0atp-", 22),
    shape("Grafana token", "glsa_", 32),
    shape("New Relic key", "NRAK-", 24),
    shape("Postman key", "PMAK-", 32),
    shape("Tailscale key", "tskey-", 20),
    shape("age key", "AGE-SECRET-KEY-1", 50),
    wide("JSON Web Token", "eyJ", 60),
];
