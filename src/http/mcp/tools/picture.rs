//! Images that a model can read: by their first octets, not by what a mail calls them, and of a
//! size that services of models take. A conversation with an image that its service refuses is
//! lost.

/// The media type of an image that a model can read.
pub(super) fn media_type(octets: &[u8]) -> Option<&'static str> {
    let (kind, (width, height)) = if octets.starts_with(b"\x89PNG\r\n\x1a\n") {
        ("image/png", (be32(octets, 16)?, be32(octets, 20)?))
    } else if octets.starts_with(b"GIF87a") || octets.starts_with(b"GIF89a") {
        ("image/gif", (le16(octets, 6)?, le16(octets, 8)?))
    } else if octets.starts_with(b"\xff\xd8\xff") {
        ("image/jpeg", jpeg_size(octets)?)
    } else if octets.starts_with(b"RIFF") && octets.get(8..12) == Some(b"WEBP") {
        ("image/webp", webp_size(octets)?)
    } else {
        return None;
    };
    let fits = |side: u32| (1..=SIDE_MAX).contains(&side);
    (fits(width) && fits(height)).then_some(kind)
}

/// Width and height of a JPEG: of the first frame (ITU-T T.81 section B.2.2).
fn jpeg_size(octets: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        // Segments begin with any number of 0xFF.
        while octets.get(at) == Some(&0xFF) {
            at += 1;
        }
        let marker = *octets.get(at)?;
        at += 1;
        match marker {
            // Of these, C4, C8 and CC are no frames.
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                return Some((be16(octets, at + 5)?, be16(octets, at + 3)?));
            }
            // The entropy-coded data begins: there was no frame.
            0xDA | 0xD9 => return None,
            _ => at = at.checked_add(usize::try_from(be16(octets, at)?).ok()?.max(2))?,
        }
        if octets.get(at) != Some(&0xFF) {
            return None;
        }
    }
}

/// Width and height of a WebP in each of its three forms (RFC 9649 section 2).
fn webp_size(octets: &[u8]) -> Option<(u32, u32)> {
    let low = |at: usize| le16(octets, at);
    match octets.get(12..16)? {
        b"VP8 " => Some((low(26)? & 0x3FFF, low(28)? & 0x3FFF)),
        b"VP8L" => {
            let bits = low(21)? | low(23)? << 16;
            Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
        }
        b"VP8X" => {
            let side = |at: usize| Some(low(at)? + (u32::from(*octets.get(at + 2)?) << 16) + 1);
            Some((side(24)?, side(27)?))
        }
        _ => None,
    }
}

fn be16(octets: &[u8], at: usize) -> Option<u32> {
    let pair = octets.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_be_bytes(*pair).into())
}

fn le16(octets: &[u8], at: usize) -> Option<u32> {
    let pair = octets.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_le_bytes(*pair).into())
}

fn be32(octets: &[u8], at: usize) -> Option<u32> {
    let four = octets.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*four))
}

/// Pixels of a side: services of models refuse more than 8,000.
const SIDE_MAX: u32 = 8000;

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut octets = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        octets.extend(width.to_be_bytes());
        octets.extend(height.to_be_bytes());
        octets
    }

    #[test]
    fn images_by_their_octets() {
        assert_eq!(media_type(&png(1, 8000)), Some("image/png"));
        assert_eq!(media_type(&png(8001, 1)), None);
        assert_eq!(media_type(&png(0, 1)), None);
        assert_eq!(media_type(b"GIF89a\x10\0\x20\0"), Some("image/gif"));
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc2\0\x11\x08\x10\0\x20\0\x03";
        assert_eq!(jpeg_size(jpeg), Some((0x2000, 0x1000)));
        let small = b"\xff\xd8\xff\xdb\0\x03a\xff\xc0\0\x11\x08\0\x10\0\x20\x03";
        assert_eq!(media_type(small), Some("image/jpeg"));
        let mut webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0".to_vec();
        webp.extend([0x3F, 0x1F, 0, 0x0F, 0, 0]);
        assert_eq!(webp_size(&webp), Some((8000, 16)));
        assert_eq!(media_type(&webp), Some("image/webp"));
        for bad in [
            &b""[..],
            b"%PDF-1.7",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff",
            b"RIFF1234WEBPVP8L",
            b"<svg>",
        ] {
            assert_eq!(media_type(bad), None);
        }
    }

    #[test]
    fn no_octets_make_it_run_on() {
        // Segments without length go on by two octets.
        let mut octets = b"\xff\xd8".to_vec();
        octets.extend(b"\xff\xe0\0\0".repeat(10_000));
        assert_eq!(media_type(&octets), None);
        assert_eq!(media_type(&[0xFF; 100_000]), None);
    }
}
