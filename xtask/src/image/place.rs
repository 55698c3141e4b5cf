//! Whether an installation can be made in a folder, and read there by everyone.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail, ensure};

use super::{MANIFEST, UNFINISHED};
use crate::{folders, paths};

/// Refuses a folder that holds something else, that others cannot reach, or whose name the tools cannot cope with.
pub(super) fn check(folder: &Path) -> Result<()> {
    paths::check_name(folder)?;
    ensure!(
        !folder.join(MANIFEST).exists() || folder.join(UNFINISHED).exists(),
        "{} is an installation already, and notebooks may be using it: make another beside it, or remove it \
         first (chmod -R u+w, then rm -r)",
        folder.display()
    );
    let is_empty = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    ensure!(
        !folder.exists() || is_empty || folder.join(UNFINISHED).exists(),
        "{} is there and holds something else: name a folder that is empty or not there",
        folder.display()
    );
    if let Some(closed) = folders::closed(folder) {
        bail!(
            "{} would lie in {}, which other users cannot enter: choose another place, such as /opt",
            folder.display(),
            closed.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_a_new_folder_or_an_unfinished_installation_will_do() {
        let place = tempfile::tempdir().unwrap();
        let open =
            |mode| fs::set_permissions(place.path(), fs::Permissions::from_mode(mode)).unwrap();
        open(0o755);
        let folder = place.path().join("course");
        let says = || check(&folder).err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(says(), "");
        fs::create_dir(&folder).unwrap();
        assert_eq!(says(), "");
        fs::write(folder.join("letter.txt"), "").unwrap();
        assert!(says().contains("holds something else"), "{}", says());
        fs::write(folder.join(UNFINISHED), "").unwrap();
        fs::write(folder.join(MANIFEST), "").unwrap();
        assert_eq!(says(), "");
        fs::remove_file(folder.join(UNFINISHED)).unwrap();
        assert!(says().contains("is an installation already"), "{}", says());
        fs::remove_dir_all(&folder).unwrap();
        open(0o700);
        assert!(says().contains("other users cannot enter"), "{}", says());
        assert!(check(Path::new("/opt/a:b")).is_err());
    }
}
