//! The table `mcp`: pages of other servers that may speak MCP.

use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(super) struct McpConfig {
    origins: Vec<String>,
}

impl McpConfig {
    /// The origins, each a scheme, a host and perhaps a port (RFC 6454 section 6.2).
    pub fn read(self) -> Result<Vec<String>, String> {
        match self.origins.iter().find(|origin| !is_origin(origin)) {
            None => Ok(self.origins),
            Some(wrong) => Err(format!(
                "mcp.origins: \"{wrong}\" is not an origin such as https://app.example:8443"
            )),
        }
    }
}

fn is_origin(text: &str) -> bool {
    let schemes = ["https://", "http://"];
    let authority = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
    authority.is_some_and(|authority| {
        let is_part = |b: u8| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b);
        !authority.is_empty() && authority.bytes().all(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        for good in [
            "https://app.example",
            "http://localhost:3000",
            "https://[::1]:8443",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "*",
            "null",
            "app.example",
            "https://",
            "https://a.test/",
            "ftp://a.test",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
