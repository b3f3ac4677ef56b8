//! Shapes at the bounds of what is read (`mail::Bounds`), which are made and not written.

use super::{MIXED, Shape};

pub fn shapes() -> Vec<Shape> {
    let mut all = Vec::new();
    for depth in [10, 48, 49, 50, 60] {
        let mut body = String::new();
        for n in 1..depth {
            body += &format!(
                "--b{n}\nContent-Type: multipart/mixed; boundary=b{}\n\n",
                n + 1
            );
        }
        body += &format!("--b{depth}\n{{text}}\n--b{depth}\n{{file}}\n--b{depth}--\n");
        let head = "Content-Type: multipart/mixed; boundary=b1";
        all.push(Shape::made(
            &format!("multiparts {depth} deep"),
            head,
            &body,
        ));
    }
    for depth in [10, 49, 60] {
        let body = "Content-Type: message/rfc822\n\n".repeat(depth - 1) + "\n{order}\n";
        all.push(Shape::made(
            &format!("messages {depth} deep"),
            "Content-Type: message/rfc822",
            &body,
        ));
    }
    for n in [31, 32, 100, 900, 1_100] {
        let body = "--b\nContent-Type: application/x-odd\n\nx\n".repeat(n) + "--b\n{file}\n--b--\n";
        all.push(Shape::made(
            &format!("a program behind {n} files"),
            MIXED,
            &body,
        ));
    }
    for n in [99, 100, 300] {
        let body = "--b\nContent-Type: text/plain\n\nhello\n".repeat(n) + "--b\n{text}\n--b--\n";
        all.push(Shape::made(
            &format!("an order behind {n} texts"),
            MIXED,
            &body,
        ));
    }
    for n in [32, 200] {
        let body = "--b\nContent-Type: text/plain\n\nhello\n".repeat(2)
            + &"--b\nContent-Type: text/plain; name=list.txt\n\nhello\n".repeat(n)
            + "--b\nContent-Type: text/plain; name=list.txt\n\n{order}\n--b--\n";
        all.push(Shape::made(
            &format!("an order behind {n} texts with names"),
            MIXED,
            &body,
        ));
    }
    for n in [63, 64, 200] {
        let params = "; x=y".repeat(n);
        let body = format!(
            "--b\n{{text}}\n--b\nContent-Type: application/x-odd{params}; name=run.exe\n\nMZ\n--b--\n"
        );
        all.push(Shape::made(
            &format!("a name behind {n} parameters"),
            MIXED,
            &body,
        ));
        let head = format!("Content-Type: multipart/mixed{params}; boundary=b");
        let body = "--b\n{text}\n--b\n{file}\n--b--\n";
        all.push(Shape::made(
            &format!("a boundary behind {n} parameters"),
            &head,
            body,
        ));
    }
    for n in [100, 300_000] {
        let body = format!(
            "hello \n{}\n{{order}}\n",
            "hello to you all\n".repeat(n / 17)
        );
        all.push(Shape::made(
            &format!("an order behind {n} octets"),
            "Content-Type: text/plain",
            &body,
        ));
    }
    let fields = "X-Note: one\n".repeat(1_100) + MIXED;
    all.push(Shape::made(
        "a type behind many fields",
        &fields,
        "--b\n{text}\n--b\n{file}\n--b--\n",
    ));
    let long = format!("X-Note: {}\n{MIXED}", "one two\n ".repeat(10_000) + "end");
    all.push(Shape::made(
        "a type behind a long field",
        &long,
        "--b\n{text}\n--b\n{file}\n--b--\n",
    ));
    all
}
