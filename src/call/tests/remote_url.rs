//! URLs of others: what is taken, and several hundred that are not.
#![allow(clippy::unwrap_used)]

use super::*;

fn rules() -> RemoteRules {
    RemoteRules {
        own_names: vec!["mail.ours.test".into()],
        own: vec!["198.100.1.1:443".parse().unwrap()],
        ..RemoteRules::default()
    }
}

fn parse(text: &str) -> Result<RemoteUrl, String> {
    RemoteUrl::parse(text, &rules())
}

#[test]
fn usual_urls_are_taken() {
    for (text, authority, target) in [
        ("https://hooks.example.com", "hooks.example.com", "/"),
        ("HTTPS://Hooks.Example.COM/", "hooks.example.com", "/"),
        ("https://hooks.example.com./a", "hooks.example.com", "/a"),
        ("https://a.test:443/a?b=c&d=%20", "a.test", "/a?b=c&d=%20"),
        ("https://a.test:8443?x=/y", "a.test:8443", "/?x=/y"),
        (
            "https://a_b.xn--bcher-kva.test/@x:1",
            "a_b.xn--bcher-kva.test",
            "/@x:1",
        ),
        ("https://8.8.8.8/x", "8.8.8.8", "/x"),
        ("https://[2606:4700::1]:8443/x", "[2606:4700::1]:8443", "/x"),
        ("https://1.a.test/", "1.a.test", "/"),
        (
            "https://localhost.example.com/",
            "localhost.example.com",
            "/",
        ),
        ("https://notlocal.example/", "notlocal.example", "/"),
    ] {
        let url = parse(text).unwrap();
        assert_eq!(
            (url.authority().as_str(), url.target.as_str()),
            (authority, target),
            "{text}"
        );
    }
    let http = RemoteRules {
        allow_http: true,
        allow_private: true,
        ports: vec![9000],
        ..RemoteRules::default()
    };
    for (text, is_https) in [
        ("http://localhost/x", false),
        ("http://127.0.0.1:9000/x", false),
        ("https://[::1]:9000", true),
        ("https://intranet:9000/", true),
    ] {
        assert_eq!(
            RemoteUrl::parse(text, &http).unwrap().is_https,
            is_https,
            "{text}"
        );
    }
    assert!(
        RemoteUrl::parse("https://127.0.0.1/", &http).is_err(),
        "another port"
    );
}

/// Addresses that are not public, in the notation that every program reads.
const SPECIAL_V4: &[&str] = &[
    "0.0.0.0",
    "0.0.0.1",
    "0.255.255.255",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.254",
    "127.0.0.1",
    "127.0.0.2",
    "127.1.2.3",
    "127.255.255.255",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.169.123",
    "172.16.0.1",
    "172.17.0.1",
    "172.20.10.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.8",
    "192.0.0.170",
    "192.0.0.192",
    "192.0.2.1",
    "192.0.2.255",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.1.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "224.0.0.251",
    "239.255.255.250",
    "240.0.0.1",
    "250.1.2.3",
    "255.255.255.254",
    "255.255.255.255",
    "198.100.1.1",
];

/// The same in IPv6, and addresses that have one inside.
const SPECIAL_V6: &[&str] = &[
    "::",
    "::1",
    "::2",
    "::127.0.0.1",
    "::7f00:1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:192.168.1.1",
    "::ffff:0.0.0.0",
    "::ffff:100.64.0.1",
    "::ffff:224.0.0.1",
    "::ffff:0:127.0.0.1",
    "::ffff:0:8.8.8.8",
    "64:ff9b::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "64:ff9b:1:ffff::8.8.8.8",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:1::1",
    "2001:2::1",
    "2001:3::1",
    "2001:4:112::1",
    "2001:10::1",
    "2001:20::1",
    "2001:30::1",
    "2001:db8::1",
    "2001:db8:ffff::1",
    "2002::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:a9fe:a9fe::",
    "2002:808:808::1",
    "3fff::1",
    "3fff:fff::1",
    "4000::1",
    "5f00::1",
    "5f00:ffff::1",
    "6000::1",
    "8000::1",
    "c000::1",
    "fc00::1",
    "fd00::1",
    "fd00:ec2::254",
    "fdff:ffff::1",
    "fe00::1",
    "fe80::1",
    "fe80::a9fe:a9fe",
    "febf::1",
    "fec0::1",
    "feff::1",
    "ff00::1",
    "ff01::1",
    "ff02::1",
    "ff02::2",
    "ff02::fb",
    "ff05::2",
    "ff0e::1",
];

/// Notations that only some programs read as an address, names that never leave a network, and
/// texts that are no such URL.
const OTHERS: &[&str] = &[
    "",
    "https",
    "https:",
    "https:/",
    "https://",
    "https:///",
    "https:///a.test",
    "https:a.test",
    "https:/a.test/",
    "//a.test/",
    "a.test",
    "a.test/x",
    "/x",
    "https//a.test",
    "https ://a.test",
    " https://a.test",
    "https://a.test ",
    "https://a .test",
    "https://a.test/ x",
    "https://a.test/\n",
    "https://a.test\r\nHost: b",
    "https://a.test/\tx",
    "https://a.test/\0",
    "http://a.test/",
    "HTTP://a.test/",
    "ftp://a.test/",
    "ftps://a.test/",
    "file:///etc/passwd",
    "file://a.test/x",
    "gopher://a.test/",
    "ws://a.test/",
    "wss://a.test/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "ldap://a.test/",
    "dict://a.test:11211/",
    "unix:///run/x.sock",
    "httpss://a.test/",
    "http+unix://a.test/",
    "blob:https://a.test/x",
    "mailto:a@a.test",
    "https://a@a.test/",
    "https://a:b@a.test/",
    "https://@a.test/",
    "https://:@a.test/",
    "https://a.test@127.0.0.1/",
    "https://127.0.0.1@a.test/",
    "https://a.test%40b.test/",
    "https://a@b@c.test/",
    "https://a.test:443@10.0.0.1/",
    "https://a.test\\@127.0.0.1/",
    "https://a.test\\x",
    "https:\\\\a.test\\",
    "https://a.test/\\x",
    "https://a.test/#x",
    "https://a.test#x",
    "https://a.test#@127.0.0.1/",
    "https://a.test/<x>",
    "https://a.test/\"",
    "https://a.test/{x}",
    "https://a.test/^",
    "https://a.test/`",
    "https://a.test/a|b",
    "https://a.test:/",
    "https://a.test:0/",
    "https://a.test:00443/x:",
    "https://a.test:80/",
    "https://a.test:22/",
    "https://a.test:25/",
    "https://a.test:444/",
    "https://a.test:6379/",
    "https://a.test:8080/",
    "https://a.test:65536/",
    "https://a.test:99999/",
    "https://a.test:100443/",
    "https://a.test:-443/",
    "https://a.test:+443/",
    "https://a.test:443x/",
    "https://a.test:0x1bb/",
    "https://a.test: 443/",
    "https://a.test:443:443/",
    "https://:443/",
    "https://[::1/",
    "https://::1/",
    "https://::1]/",
    "https://[]/",
    "https://[:]/",
    "https://[::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[127.0.0.1]/",
    "https://[a.test]/",
    "https://[::1]x/",
    "https://[2606:4700::1]x:443/",
    "https://[2606:4700:::1]/",
    "https://[v1.a]/",
    "https://[[2606:4700::1]]/",
    "https://x[2606:4700::1]/",
    "https://2130706433/",
    "https://3232235777/",
    "https://2852039166/",
    "https://4294967296/",
    "https://134744072/",
    "https://0/",
    "https://1/",
    "https://00/",
    "https://0x7f000001/",
    "https://0X7F000001/",
    "https://0x7f.1/",
    "https://0x7f.0.0.1/",
    "https://0x7f.0x0.0x0.0x1/",
    "https://127.0x1/",
    "https://127.0.0x1/",
    "https://0x8.0x8.0x8.0x8/",
    "https://0x08080808/",
    "https://017700000001/",
    "https://0177.1/",
    "https://0177.0.0.1/",
    "https://0177.0.0.01/",
    "https://010.0.0.1/",
    "https://012.0.0.1/",
    "https://0300.0250.1.1/",
    "https://08.8.8.8/",
    "https://8.8.8.08/",
    "https://127.1/",
    "https://127.0.1/",
    "https://10.1/",
    "https://192.168.1/",
    "https://192.168.257/",
    "https://8.8/",
    "https://8.8.8/",
    "https://8.8.8.8./",
    "https://127.0.0.1./",
    "https://127.0.0.1../",
    "https://127.0.0.1.1/",
    "https://1.2.3.4.5/",
    "https://256.1.1.1/",
    "https://8.8.8.256/",
    "https://1.1.1.-1/",
    "https://0x/",
    "https://0xg.1/",
    "https://a.0x1/",
    "https://a.1/",
    "https://a.test.127/",
    "https://127.0.0.1%00.a.test/",
    "https://127%2e0%2e0%2e1/",
    "https://%31%32%37.0.0.1/",
    "https://%6c%6f%63%61%6c%68%6f%73%74/",
    "https://a%2etest/",
    "https://a.test%00/",
    "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
    "https://127\u{3002}0\u{3002}0\u{3002}1/",
    "https://127\u{ff0e}0\u{ff0e}0\u{ff0e}1/",
    "https://127\u{ff61}0\u{ff61}0\u{ff61}1/",
    "https://a\u{3002}test/",
    "https://a\u{ff0e}test/",
    "https://loc\u{ad}alhost/",
    "https://\u{24db}ocalhost/",
    "https://b\u{fc}cher.test/",
    "https://a.test/\u{fc}",
    "https://\u{2460}\u{2461}\u{2466}.0.0.1/",
    "https://a.test\u{202e}/",
    "https://a.test\u{200b}/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://localhost../",
    "https://localhost:8443/",
    "https://a.localhost/",
    "https://a.b.localhost./",
    "https://localhost.localdomain/",
    "https://ip6-localhost/",
    "https://intranet/",
    "https://db/",
    "https://metadata/",
    "https://kubernetes/",
    "https://a/",
    "https://com/",
    "https://printer.local/",
    "https://a.b.local./",
    "https://local/",
    "https://local./",
    "https://metadata.google.internal/",
    "https://instance-data.ec2.internal/",
    "https://host.docker.internal/",
    "https://a.internal./",
    "https://internal/",
    "https://kubernetes.default.svc.intranet/",
    "https://router.home.arpa/",
    "https://home.arpa/",
    "https://1.0.0.127.in-addr.arpa/",
    "https://a.onion/",
    "https://onion/",
    "https://a.localdomain/",
    "https://mail.ours.test/",
    "https://MAIL.ours.TEST/",
    "https://mail.ours.test./hook",
    "https://mail.ours.test:8443/api/v1/inboxes",
    "https://-a.test/",
    "https://a-.test/",
    "https://a..test/",
    "https://.a.test/",
    "https://./",
    "https://../",
    "https://a.test../",
    "https://a,b.test/",
    "https://a!.test/",
    "https://a$.test/",
    "https://a;b.test/",
    "https://a=b.test/",
    "https://(a).test/",
    "https://*.a.test/",
    "https://a'b.test/",
    "https://a~b.test/",
    "https://a+b.test/",
    "https://a&b.test/",
    "https://?a.test/",
    "https://?@a.test",
    "https://-/",
    "https://a.test,b.test/",
    "https://a.-b.test/",
];

#[test]
fn other_urls_are_refused() {
    let mut count = 0;
    let mut refuse = |text: &str| {
        assert!(parse(text).is_err(), "{text:?}");
        count += 1;
    };
    for address in SPECIAL_V4 {
        refuse(&format!("https://{address}/hook"));
    }
    for address in SPECIAL_V6 {
        refuse(&format!("https://[{address}]/hook"));
    }
    for text in OTHERS {
        refuse(text);
    }
    let label = "a".repeat(64);
    refuse(&format!("https://{label}.test/"));
    refuse(&format!("https://{}test/", "abc.".repeat(63)));
    refuse(&format!(
        "https://a.test/{}",
        "x".repeat(REMOTE_URL_BYTES_MAX)
    ));
    assert!(count >= 300, "{count}");
}

/// What a name leads to is judged when it is connected to.
#[test]
fn the_connected_address_is_judged() {
    let rules = rules();
    for address in SPECIAL_V4 {
        assert!(
            !rules.allows(format!("{address}:443").parse().unwrap()),
            "{address}"
        );
    }
    for address in SPECIAL_V6 {
        assert!(
            !rules.allows(format!("[{address}]:443").parse().unwrap()),
            "{address}"
        );
    }
    for address in [
        "8.8.8.8:443",
        "198.100.1.1:8443",
        "[2606:4700::1]:443",
        "[::ffff:8.8.8.8]:443",
    ] {
        assert!(rules.allows(address.parse().unwrap()), "{address}");
    }
    // Even where private addresses are allowed, this server is not.
    let private = RemoteRules {
        allow_private: true,
        own: vec!["0.0.0.0:8080".parse().unwrap()],
        ..rules
    };
    assert!(!private.allows("127.0.0.1:8080".parse().unwrap()));
    assert!(!private.allows("[::ffff:127.0.0.1]:8080".parse().unwrap()));
    assert!(private.allows("127.0.0.1:8081".parse().unwrap()));
}

#[test]
fn a_port_that_is_refused_names_those_that_are_not() {
    let why = |text: &str, rules: &RemoteRules| RemoteUrl::parse(text, rules).unwrap_err();
    assert_eq!(
        why("https://a.test:444/", &rules()),
        "names a port that is not allowed: it may be 443 or 8443"
    );
    let http = RemoteRules {
        allow_http: true,
        ports: vec![9000],
        ..RemoteRules::default()
    };
    assert_eq!(
        why("https://a.test/", &http),
        "names a port that is not allowed: it may be 9000"
    );
    assert_eq!(
        why("http://a.test:81/", &http),
        "names a port that is not allowed: it may be 80 or 9000"
    );
}
