//! What an operator begins with: an example of a configuration file, and a unit for systemd.
//!
//! The server never reads these texts. A test reads the configuration as `check-config` does.

use std::fmt::Write;
use std::path::Path;

use crate::config::ServeFlags;

/// A configuration for a server that other servers reach, with every section explained.
pub const EXAMPLE_CONFIG: &str = r#"# The configuration of a Postern that is reached from outside. Every key is optional, and an
# unknown key is an error. Check it with `postern check-config FILE`.

hostname = "mail.example.com"       # greetings, Received, certificate
domain   = "agents.example.com"     # the shared domain that inboxes are made on
data     = "/var/lib/postern"
log      = "info"                   # off, error, warn, info, debug, trace; to standard error
# user   = "postern"                # becomes this user after binding; leave it out under systemd

# operator_from = ["10.0.0.0/8"]    # where the operator's token is taken beside loopback; or "anywhere"

[listen]                            # with this section only these listeners are opened
mx          = ["0.0.0.0:25", "[::]:25"]
submissions = ["0.0.0.0:465", "[::]:465"]   # TLS
submission  = ["0.0.0.0:587", "[::]:587"]   # STARTTLS
imaps       = ["0.0.0.0:993", "[::]:993"]   # TLS
https       = ["0.0.0.0:443", "[::]:443"]
http        = "localhost:8080"      # clear text: loopback only; the command line uses it

# Without a certificate of your own the server makes one, with a CA that clients have to import.
# The server reads both files at its start and on SIGHUP, as the user that it runs as.
# [tls]
# certificate = "/etc/letsencrypt/live/mail.example.com/fullchain.pem"
# key         = "/etc/letsencrypt/live/mail.example.com/privkey.pem"
# unknown_sni = "refuse"            # for a host name that is not in the certificate; or "serve"

# [dns]
# resolvers = ["127.0.0.1"]         # name servers; without this those of /etc/resolv.conf

[inbound]
# Mail that the owner of the domain in From disowns (DMARC) is refused or goes to Junk, as the owner
# wants; "report" takes it and shows the result.
# dmarc = "enforce"
# Put off the first try of a sender that a recipient does not know (RFC 6647).
# greylist = false

# [outbound]
# smarthost      = "smtp.example.net:587"  # all mail goes there; without it, by MX
# smarthost_user = "agent"            # with a password; it goes over verified TLS only
# smarthost_password_file = "/etc/postern/smarthost.password"

# [mcp]
# origins = ["https://app.example"]   # other servers whose pages may speak MCP

[limits]
message_bytes = 26214400            # octets of one message
"#;

/// A unit for systemd that runs this binary with the configuration of the flags.
pub fn unit(flags: &ServeFlags, data: Option<&Path>) -> String {
    let binary = std::env::current_exe().unwrap_or_default();
    let is_private = ["/home", "/root", "/tmp", "/var/tmp", "/run/user"]
        .iter()
        .any(|folder| binary.starts_with(folder));
    let binary = match is_private || binary.as_os_str().is_empty() {
        // The unit cannot see these folders.
        true => INSTALLED.to_owned(),
        false => binary.display().to_string(),
    };
    let config = flags.config.as_deref().unwrap_or(Path::new(CONFIG));
    let config = std::path::absolute(config).unwrap_or_else(|_| config.to_owned());
    let data = data.unwrap_or(Path::new(STATE));
    let data = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
    let mut text = format!(
        "# Put this into /etc/systemd/system/postern.service, the binary at {binary} and the\n\
         # configuration at {}. Then, once:\n\
         #   useradd --system --home-dir /var/lib/postern --shell /usr/sbin/nologin postern\n\
         #   systemctl daemon-reload && systemctl enable --now postern\n\
         #   sudo -u postern {binary} --data {} key create\n{UNIT_HEAD}",
        config.display(),
        data.display()
    );
    let (config, folder) = (word(&config), word(&data));
    let _ = writeln!(
        text,
        "ExecStartPre={} check-config {config}",
        word(Path::new(&binary))
    );
    let _ = writeln!(
        text,
        "ExecStart={} serve --config {config} --data {folder}",
        word(Path::new(&binary))
    );
    text += UNIT_TAIL;
    if data != Path::new(STATE) {
        let _ = writeln!(text, "ReadWritePaths={folder}");
    }
    text + UNIT_END
}

/// A path as one word of a unit (systemd.syntax(7), systemd.service(5)).
fn word(path: &Path) -> String {
    let text = path
        .display()
        .to_string()
        .replace('%', "%%")
        .replace('$', "$$");
    let is_plain = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"/-_.%$@:+".contains(&b));
    match is_plain {
        true => text,
        false => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

const INSTALLED: &str = "/usr/local/bin/postern";
const CONFIG: &str = "/etc/postern.toml";
const STATE: &str = "/var/lib/postern";

const UNIT_HEAD: &str = "
[Unit]
Description=Postern mail server
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
Type=exec
User=postern
StateDirectory=postern
StateDirectoryMode=0700
UMask=0077
";

const UNIT_TAIL: &str = "\
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=2
TimeoutStopSec=30
LimitNOFILE=262144

# Ports below 1024, and no other right of root.
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
PrivateTmp=yes
PrivateDevices=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallFilter=setrlimit prlimit64
SystemCallErrorNumber=EPERM
";

const UNIT_END: &str = "
[Install]
WantedBy=multi-user.target
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_one_word_of_a_unit() {
        for (path, said) in [
            ("/etc/postern.toml", "/etc/postern.toml"),
            ("/srv/my mail", "\"/srv/my mail\""),
            ("/srv/100%", "/srv/100%%"),
            ("/srv/$HOME", "/srv/$$HOME"),
            ("/srv/a\"b\\c", "\"/srv/a\\\"b\\\\c\""),
        ] {
            assert_eq!(word(Path::new(path)), said);
        }
    }

    #[test]
    fn a_unit_runs_the_server_that_it_is_asked_for() {
        let flags = ServeFlags {
            config: Some("/etc/mail/postern.toml".into()),
            ..ServeFlags::default()
        };
        let text = unit(&flags, Some(Path::new("/srv/mail")));
        for line in [
            " serve --config /etc/mail/postern.toml --data /srv/mail\n",
            "\nReadWritePaths=/srv/mail\n",
            "\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n",
            "\nStateDirectory=postern\n",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        let text = unit(&ServeFlags::default(), None);
        assert!(!text.contains("ReadWritePaths"), "{text}");
    }
}
