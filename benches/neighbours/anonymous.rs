//! Attacks that need no key: on port 25, and with wrong keys.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::attack::{Load, Scene, Under};
use crate::rig::{Server, Stream};

const ANONYMOUS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

fn open(server: &Server, under: &Under) -> io::Result<Stream> {
    let mut s = Stream::open(server, "mx", ANONYMOUS, None)?;
    under.ends(&s);
    s.try_reply()?;
    s.try_send(b"EHLO anonymous.test\r\n")?;
    s.try_reply()?;
    Ok(s)
}

/// Nineteen connections that fill the memory for arriving mail and then send next to nothing.
pub fn trickle(scene: &Scene<'_>) -> Vec<Load> {
    let inbox = scene.tenant.inboxes[0].clone();
    (0..19)
        .map(|_| {
            let inbox = inbox.clone();
            let load: Load = Box::new(move |server, under| {
                let mut s = open(server, under)?;
                let envelope = format!("MAIL FROM:<a@b.test>\r\nRCPT TO:<{inbox}>\r\nDATA\r\n");
                s.try_send(envelope.as_bytes())?;
                for _ in 0..3 {
                    s.try_reply()?;
                }
                let line = [b"x".repeat(62), b"\r\n".to_vec()].concat();
                let block = line.repeat(1 << 10);
                for _ in 0..(INTAKE / 19) >> 16 {
                    s.try_send(&block)?;
                }
                while under.way() {
                    s.try_send(&line)?;
                    std::thread::sleep(Duration::from_secs(1));
                }
                Ok(())
            });
            load
        })
        .collect()
}

/// The memory for arriving mail, as `intake_bytes` has it without a configuration.
const INTAKE: usize = 256 << 20;

/// A hundred recipients a second without a message; the inbox is the bystander's.
pub fn recipients(scene: &Scene<'_>) -> Vec<Load> {
    let inbox = scene.bystander.tenant.inboxes[1].clone();
    let load: Load = Box::new(move |server, under| {
        let mut s = open(server, under)?;
        while under.way() {
            s.try_send(b"RSET\r\nMAIL FROM:<a@b.test>\r\n")?;
            let ask = format!("RCPT TO:<{inbox}>\r\n");
            s.try_reply()?;
            if s.try_reply()?.starts_with("421") {
                s = open(server, under)?;
            }
            for _ in 0..50 {
                s.try_send(ask.as_bytes())?;
                let line = s.try_reply()?;
                under.answered();
                if line.starts_with("421") {
                    s = open(server, under)?;
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(())
    });
    vec![load]
}

/// Twelve wrong keys at once from the bystander's own address, again and again.
pub fn wrong_keys(scene: &Scene<'_>) -> Vec<Load> {
    let from = scene.bystander.from;
    (0..12)
        .map(|n| {
            let load: Load = Box::new(move |server, under| {
                let mut round = 0;
                while under.way() {
                    round += 1;
                    let wrong = format!("ap_sk_{n:08}{round:08}_wrong");
                    let mut s = Stream::open(server, "http", from, None)?;
                    s.get("/api/v1/me", &wrong)?;
                    under.answered();
                    std::thread::sleep(Duration::from_millis(200));
                }
                Ok(())
            });
            load
        })
        .collect()
}
