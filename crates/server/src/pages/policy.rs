//! What a page may do in the browser: nothing beyond its own styles and forms.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// More than that, for the few pages that need it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    /// May run our own script files.
    pub(crate) scripts: bool,
    /// A form of it may end in a redirect to this origin.
    pub(crate) form_target: Option<String>,
}

const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), \
    publickey-credentials-create=(self), publickey-credentials-get=(self)";

impl Policy {
    pub(super) fn apply(&self, headers: &mut HeaderMap, hsts: bool) {
        let mut set = |name: HeaderName, value: &'static str| {
            headers.insert(name, HeaderValue::from_static(value));
        };
        set(header::CONTENT_TYPE, "text/html; charset=utf-8");
        set(header::CACHE_CONTROL, "no-store");
        set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        set(header::X_FRAME_OPTIONS, "DENY");
        // Not `no-referrer`: forms would then send `Origin: null`.
        set(header::REFERRER_POLICY, "same-origin");
        set(
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        );
        set(
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        );
        set(HeaderName::from_static("permissions-policy"), PERMISSIONS);
        if hsts {
            set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        }
        let csp = HeaderValue::from_str(&self.content_security())
            .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"));
        headers.insert(header::CONTENT_SECURITY_POLICY, csp);
    }

    fn content_security(&self) -> String {
        let scripts = if self.scripts {
            "; script-src 'self'; connect-src 'self'"
        } else {
            ""
        };
        let target = match &self.form_target {
            Some(origin) => format!(" {origin}"),
            None => String::new(),
        };
        format!(
            "default-src 'none'; style-src 'self'; img-src 'self'{scripts}; \
             form-action 'self'{target}; base-uri 'none'; frame-ancestors 'none'"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
        let plain = Policy::default().content_security();
        assert!(!plain.contains("script-src"), "{plain}");
        let most = Policy {
            scripts: true,
            form_target: Some("https://console.example.com".to_owned()),
        }
        .content_security();
        for text in [&plain, &most] {
            assert!(!text.contains("unsafe") && !text.contains('*'), "{text}");
            assert!(text.contains("frame-ancestors 'none'"));
        }
        assert!(most.contains("form-action 'self' https://console.example.com;"));
    }
}
