//! The file in the data folder with the key that secrets are sealed with (`crypto/sealed.rs`).
//! DECISIONS.md, "Secrets that are given out again".

use std::io::ErrorKind;
use std::sync::Arc;

use crate::config::SEALING_FILE;
use crate::crypto::{Random, SealingKey};
use crate::dir::DirHandle;

/// The key of the data folder; it is made when the file is missing. Error: the file is not one
/// that this function has written.
pub fn sealing_key(folder: &DirHandle, random: &mut Random) -> Result<Arc<SealingKey>, String> {
    let text = match folder.read_text(SEALING_FILE) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let (_, text) = SealingKey::generate(random);
            folder
                .write(SEALING_FILE, format!("{text}\n").as_bytes())
                .map(|()| text)
        }
        read => read,
    };
    let path = folder.path().join(SEALING_FILE);
    let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
    let key = SealingKey::parse(text.trim()).ok_or_else(|| {
        format!(
            "{}: not a key for secrets: put the file back that was there, or delete it; then a new \
             one is made, and secrets of the older key have to be given again",
            path.display()
        )
    })?;
    Ok(Arc::new(key))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_key_is_made_once_for_its_owner_alone() {
        let path = std::env::temp_dir().join(format!("postern-sealing-{}", std::process::id()));
        let (folder, _) = DirHandle::make(&path, None).unwrap();
        let mut random = Random::seeded(1);
        let first = sealing_key(&folder, &mut random).unwrap();
        let mode = path
            .join(SEALING_FILE)
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let sealed = first.seal(&mut random, "a", b"secret").unwrap();
        let again = sealing_key(&folder, &mut random).unwrap();
        assert_eq!(again.open("a", &sealed).unwrap(), b"secret");
        folder.write(SEALING_FILE, b"something else\n").unwrap();
        let why = sealing_key(&folder, &mut random).unwrap_err();
        assert!(why.contains(SEALING_FILE), "{why}");
        std::fs::remove_dir_all(&path).unwrap();
    }
}
