//! Checkpoints of every kind, read strictly or refused with a reason.

mod support;

use std::fs;
use std::path::Path;

use tch::{Device, Kind, Tensor};
use twoviews::Error;
use twoviews::estimator::{DCL, DCLConfig, Weights};
use twoviews::models::EncoderKind;
use twoviews::weights::{load_state_dict, read_state_dict};

fn model(latent_size: i64) -> DCL {
    let config = DCLConfig { encoder: EncoderKind::ResNet8, latent_size, ..Default::default() };
    DCL::new(config, Device::Cpu).unwrap()
}

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights").join(name)
}

/// What a model computes for one image.
fn output(model: &DCL) -> Vec<f32> {
    let x = Tensor::ones([1, 3, 32, 32], (Kind::Float, Device::Cpu));
    Vec::try_from(model.encode(&x, false).unwrap().view(-1)).unwrap()
}

#[test]
fn awkward_tensors_are_read_as_pytorch_wrote_them() {
    for name in ["odd.ckpt", "odd.pt"] {
        let tensors = read_state_dict(&fixture(name)).unwrap();
        assert_eq!(
            tensors.keys().collect::<Vec<_>>(),
            ["bf16", "counter", "double", "flag", "offset", "strided"]
        );
        let values =
            |key: &str| Vec::<f64>::try_from(tensors[key].to_kind(Kind::Double).view(-1)).unwrap();
        assert_eq!(tensors["strided"].size(), [2, 4]);
        assert_eq!(values("strided"), [1., 7., 13., 19., 3., 9., 15., 21.]);
        assert_eq!(values("offset"), [12., 13., 14., 15., 16., 17.]);
        assert_eq!((tensors["bf16"].kind(), values("bf16")), (Kind::BFloat16, vec![1.5, -2.25]));
        assert_eq!(values("double"), [1.0 / 3.0]);
        assert_eq!((tensors["counter"].kind(), values("counter")), (Kind::Int64, vec![7.0]));
        assert_eq!(values("flag"), [1.0, 0.0]);
    }
}

#[test]
fn a_saved_model_loads_into_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let (from, mut to) = (model(16), model(16));
    let mut named: Vec<(String, Tensor)> = from.var_store().variables().into_iter().collect();
    // The file format wants rows one after the other; the weights lie channels last.
    named.iter_mut().for_each(|(_, tensor)| *tensor = (tensor.detach() * 1.5 + 0.25).contiguous());
    named.push(("encoder.bn1.num_batches_tracked".into(), Tensor::from(7i64)));
    Tensor::write_safetensors(&named, folder.path().join("model.safetensors")).unwrap();
    let before = output(&to);
    let folder = folder.path().to_str().unwrap();
    Weights::new(folder, None, "model.safetensors").unwrap().load_checkpoint(&mut to).unwrap();
    assert_ne!(output(&to), before);
    let loaded = to.var_store().variables();
    for (name, tensor) in named.iter().filter(|(name, _)| !name.ends_with("tracked")) {
        assert_eq!(&loaded[name], tensor, "{name}");
    }
}

#[test]
fn every_difference_is_listed_at_once_and_nothing_is_loaded() {
    let mut to = model(16);
    let before = output(&to);
    let mut dict: twoviews::weights::StateDict = to.var_store().variables().into_iter().collect();
    dict.iter_mut().for_each(|(_, tensor)| *tensor = tensor.zeros_like());
    dict.remove("encoder.conv1.weight");
    dict.insert("encoder.extra".into(), Tensor::from(1.0f32));
    // A scalar would broadcast, and integers would be cast: both are refused.
    dict.insert("encoder.fc.bias".into(), Tensor::from(1.0f32));
    dict.insert("encoder.bn1.weight".into(), Tensor::ones([16], (Kind::Int64, Device::Cpu)));
    let error = load_state_dict(to.var_store_mut(), &dict, Path::new("x.ckpt")).unwrap_err();
    let Error::StateDict { missing, unexpected, mismatched, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(missing, &["encoder.conv1.weight"]);
    assert_eq!(unexpected, &["encoder.extra"]);
    assert_eq!(mismatched.len(), 2);
    let text = error.to_string();
    assert!(text.contains("encoder.fc.bias: found [] Float, expected [16] Float"), "{text}");
    assert_eq!(output(&to), before);
}

#[test]
fn another_latent_size_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    model(32).save(folder.path().join("m.safetensors")).unwrap();
    let weights = Weights::new(folder.path().to_str().unwrap(), None, "m.safetensors").unwrap();
    let error = weights.load_checkpoint(&mut model(16)).unwrap_err().to_string();
    assert!(
        error.contains("encoder.fc.weight: found [32, 64] Float, expected [16, 64] Float"),
        "{error}"
    );
}

#[test]
fn broken_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(fixture("odd.ckpt")).unwrap();
    // One thousand nested lists, then a stop: a pickle that only wants depth.
    let bomb: Vec<u8> =
        [b"\x80\x02".to_vec(), vec![b']'; 100_000], vec![b'a'; 99_999], b".".to_vec()].concat();
    for (name, content) in [
        ("empty.ckpt", Vec::new()),
        ("text.ckpt", b"<html>not found</html>".to_vec()),
        ("half.ckpt", whole[..whole.len() / 2].to_vec()),
        ("bomb.ckpt", bomb.clone()),
        ("bomb.pt", bomb),
        ("text.safetensors", b"not a header".to_vec()),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let error = read_state_dict(&path).unwrap_err();
        assert!(matches!(error, Error::Format { .. }), "{name}: {error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    let error = Weights::new(folder.path().to_str().unwrap(), None, "no.ckpt").unwrap().path();
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("no.ckpt") && error.contains("holds bomb.ckpt, bomb.pt, empty.ckpt"),
        "{error}"
    );
}

#[test]
fn addresses_are_checked() {
    for (source, file, word) in [
        ("hf-hub:justname", "a.ckpt", "hf-hub:owner/name"),
        ("hf-hub:a/b/c", "a.ckpt", "hf-hub:owner/name"),
        ("hf-hub:a/b@", "a.ckpt", "branch"),
        ("hf-hub:a/b@../../x", "a.ckpt", "branch"),
        ("hf-hub:a/b", "../a.ckpt", "source"),
        ("hf-hub:a/b", "/x/a.ckpt", "Give the folder /x as source and a.ckpt as file"),
        ("hf-hub:a/b", "x/../../a.ckpt", "source"),
        ("hf-hub:a/b", "", "name of the checkpoint"),
        ("hf-hub:https://huggingface.co/a/b", "c.ckpt", "Write hf-hub:a/b."),
        ("https://huggingface.co/a/b/blob/v1/c.ckpt", "c", "Write hf-hub:a/b@v1 as source"),
        ("huggingface.co/a/b", "c.ckpt", "Write hf-hub:a/b."),
        ("hf://a/b", "c.ckpt", "Write hf-hub:a/b."),
        ("HF_hub:a/b", "c.ckpt", "Write hf-hub:a/b."),
        ("https://other.example/a", "c.ckpt", "Download the file"),
    ] {
        let error = Weights::new(source, None, file).unwrap_err();
        assert!(matches!(error, Error::Parameter { .. }), "{source} {file}");
        assert!(error.to_string().contains(word), "{source} {file}: {error}");
    }
}

#[test]
fn folders_are_found_however_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("some folder");
    fs::create_dir_all(inner.join("runs")).unwrap();
    fs::write(inner.join("runs/a.ckpt"), "x").unwrap();
    let text = inner.to_str().unwrap();
    let found = |source: &str, file: &str| Weights::new(source, None, file).unwrap().path();
    let expected = inner.join("runs/a.ckpt");
    assert_eq!(found(text, "./runs/a.ckpt").unwrap(), expected);
    assert_eq!(found(text, "runs//./a.ckpt").unwrap(), expected);
    let address = format!("file://{}", text.replace(' ', "%20"));
    assert_eq!(found(&address, "runs/a.ckpt").unwrap(), expected);

    let says = |source: &str, word: &str| {
        let error = found(source, "b.ckpt").unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
        assert!(error.to_string().contains(word), "{source}: {error}");
    };
    says("owner/name", "write hf-hub:owner/name");
    says("./owner/name", "There is no folder");
    says(&format!("{text}/runs"), "holds a.ckpt");
    says(&format!("{text}/runs/a.ckpt"), "runs as source and a.ckpt as file");
    says("", "no checkpoint");
}
