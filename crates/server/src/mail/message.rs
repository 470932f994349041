//! What a mail says: paragraphs and one link, as plain text and as simple HTML.

use serde::{Deserialize, Serialize};

/// A mail, sealed until it is sent: its link lets the reader in.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) subject: String,
    /// Before the link.
    pub(crate) before: Vec<String>,
    pub(crate) link: String,
    /// What following the link does, as a title.
    pub(crate) action: String,
    /// After the link.
    pub(crate) after: Vec<String>,
}

impl Message {
    pub(super) fn text(&self) -> String {
        let mut paragraphs = self.before.clone();
        paragraphs.push(format!("{}:\n{}", self.action, self.link));
        paragraphs.extend(self.after.iter().cloned());
        paragraphs.join("\n\n") + "\n"
    }

    pub(super) fn html(&self) -> String {
        let paragraph = |text: &String| format!("<p>{}</p>\n", escape(text));
        let before: String = self.before.iter().map(paragraph).collect();
        let after: String = self.after.iter().map(paragraph).collect();
        let link = escape(&self.link);
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
             <title>{}</title></head>\n<body>\n{before}\
             <p><a href=\"{link}\">{}</a></p>\n<p>{link}</p>\n{after}</body>\n</html>\n",
            escape(&self.subject),
            escape(&self.action),
        )
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_html_say_the_same_and_nothing_breaks_out() {
        let message = Message {
            subject: "Join <acme>".to_owned(),
            before: vec!["\"><script>alert(1)</script>".to_owned()],
            link: "https://acme.test/x/?token=a&b='".to_owned(),
            action: "Join".to_owned(),
            after: vec!["Ignore & forget.".to_owned()],
        };
        let text = message.text();
        assert!(text.contains("Join:\nhttps://acme.test/x/?token=a&b='\n"));
        let html = message.html();
        assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"));
        assert!(html.contains("href=\"https://acme.test/x/?token=a&amp;b=&#39;\""));
        assert!(html.contains("<title>Join &lt;acme&gt;</title>"));
    }
}
