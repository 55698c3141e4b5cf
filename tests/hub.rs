//! Downloads from a hub, with a server on this machine in its place. One test, because the address
//! of the hub is a variable of the whole process.

mod support;

use support::{Answer, Server};
use twoviews::Error;
use twoviews::weights::Weights;

#[test]
fn the_hub_is_asked_once_and_its_refusals_are_explained() {
    let content: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
    let server = Server::start(content.clone());
    let cache = tempfile::tempdir().unwrap();
    // SAFETY: this is the only test of its process, and it has started no thread that reads them.
    unsafe {
        std::env::set_var("HF_ENDPOINT", &server.address);
        std::env::set_var("HF_TOKEN", "secret");
    }
    let weights = |file: &str| {
        Weights::new("hf-hub:owner/name@v1", Some(cache.path().to_owned()), file).unwrap()
    };

    for (code, word) in [(401, "HF_TOKEN"), (404, "revision"), (500, "later")] {
        server.answer(Answer::Status(code));
        let error = weights("a.ckpt").path().unwrap_err();
        assert!(matches!(error, Error::Download { .. }));
        let text = error.to_string();
        assert!(text.contains(&code.to_string()) && text.contains(word), "{text}");
    }

    server.answer(Answer::Half);
    let error = weights("a.ckpt").path().unwrap_err();
    assert!(matches!(error, Error::Download { .. }), "{error}");

    server.answer(Answer::Content);
    let path = weights("a.ckpt").path().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), content);
    assert!(
        server.requests().iter().any(|request| request.contains("/owner/name/resolve/v1/a.ckpt"))
    );

    let before = server.requests().len();
    assert_eq!(weights("a.ckpt").path().unwrap(), path);
    assert_eq!(server.requests().len(), before, "what is in the cache is not asked for again");

    // SAFETY: as above.
    unsafe { std::env::set_var("HF_HUB_OFFLINE", "1") };
    assert_eq!(weights("a.ckpt").path().unwrap(), path);
    let error = weights("b.ckpt").path().unwrap_err().to_string();
    assert!(error.contains("HF_HUB_OFFLINE"), "{error}");

    // SAFETY: as above.
    unsafe {
        std::env::remove_var("HF_HUB_OFFLINE");
        std::env::set_var("HF_ENDPOINT", "http://127.0.0.1:1");
    }
    let error = weights("b.ckpt").path().unwrap_err().to_string();
    assert!(error.contains("Check the network"), "{error}");
}
