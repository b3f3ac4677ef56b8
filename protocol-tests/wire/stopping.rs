//! The server stops: what it says to whom, and how long it waits.

use super::*;

#[test]
fn sigterm_says_goodbye_and_finishes_data() {
    let mut server = Server::start("term", "");
    let inbox = server.inbox().to_owned();
    let mut idle = server.tls("smtps");
    line(&mut idle);
    let mut busy = server.submission();
    say(
        &mut busy,
        &format!("MAIL FROM:<{inbox}>\r\nRCPT TO:<{inbox}>\r\nDATA\r\n"),
    );
    for code in ["250", "250", "354"] {
        assert!(reply(&mut busy).starts_with(code));
    }
    say(
        &mut busy,
        &format!("From: {inbox}\r\nSubject: late\r\n\r\nhalf"),
    );
    let address = server.address("smtps");
    server.signal(Signal::TERM);
    assert!(rest(&mut idle).starts_with("421 4.3.2"));
    drop(idle);
    // The listener is closed: who is there now has another certificate, as the server of another
    // test that was given the port.
    if let Ok(stranger) = TcpStream::connect(address) {
        let mut tls = StreamOwned::new(session(&server.config), patient(stranger));
        assert!(tls.conn.complete_io(&mut tls.sock).is_err());
    }
    // The message is not lost.
    say(&mut busy, " and half\r\n.\r\n");
    let said = reply(&mut busy);
    assert!(said.starts_with("250 2.0.0"), "{said}");
    drop(busy);
    assert_eq!(server.wait(15), 0);
    assert!(!server.folder.join("data/running.json").exists());
}

#[test]
fn a_stop_waits_its_time_and_no_longer() {
    let mut server = Server::start("drain", "[limits]\ndrain_s = 1\n");
    let inbox = server.inbox().to_owned();
    let mut busy = server.submission();
    say(
        &mut busy,
        &format!("MAIL FROM:<{inbox}>\r\nRCPT TO:<{inbox}>\r\nDATA\r\n"),
    );
    for code in ["250", "250", "354"] {
        assert!(reply(&mut busy).starts_with(code));
    }
    let mut appends = server.tls("imaps");
    line(&mut appends);
    say(
        &mut appends,
        &format!("a LOGIN {inbox} {}\r\n", server.key()),
    );
    line(&mut appends);
    say(&mut appends, "a APPEND INBOX {100}\r\n");
    assert!(line(&mut appends).starts_with('+'));
    say(&mut appends, "From: ");
    // None ends its handshake or its message.
    let shaking = server.plain("imaps");
    let begin = Instant::now();
    server.signal(Signal::TERM);
    // Those in the middle of a message are told before they are closed.
    assert!(rest(&mut busy).starts_with("421 4.3.2"));
    assert!(rest(&mut appends).starts_with("* BYE Server is stopping"));
    assert!(begin.elapsed() >= Duration::from_millis(900));
    drop((busy, appends));
    assert_eq!(server.wait(5), 0);
    drop(shaking);
}
