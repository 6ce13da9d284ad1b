//! The way back from the converted form: the original's own training form is what must come out.

use condensenet_runtime::{FileForm, NetworkWeights, StoredTensor, weights::TrainingFormError};

use crate::{checkpoint, deviation, golden, import};

const NETWORKS: [&str; 5] = [
    "condensenet_g4c4",
    "condensenet_g8c8",
    "condensenet_g4c8",
    "densenet_LGC",
    "densenet",
];

fn weights(name: &str) -> NetworkWeights {
    let file = checkpoint(&format!("{name}_final.zip"));
    import(&file).expect("a checkpoint of the original").weights
}

fn values(weights: &NetworkWeights, key: &str) -> Vec<f64> {
    let tensor = weights.tensors.get(key);
    tensor
        .unwrap_or_else(|| panic!("there is no {key}"))
        .to_f64()
}

/// The columns of the whole classifier that the condensed one reads.
fn read_inputs(converted: &NetworkWeights) -> Vec<usize> {
    let index = converted
        .tensors
        .get("classifier.index")
        .expect("half a classifier");
    index
        .to_i64()
        .into_iter()
        .map(|input| input as usize)
        .collect()
}

#[test]
fn the_original_s_converted_networks_become_its_trained_ones_again() {
    for name in NETWORKS {
        let (converted, trained) = (weights(&format!("converted_{name}")), weights(name));
        let restored = converted.training_form().unwrap();
        restored.check().unwrap();
        assert_eq!(restored.form, FileForm::Training, "{name}");
        assert_eq!(restored.config, trained.config, "{name}");
        let read = read_inputs(&converted);
        for spec in trained.specs() {
            let key = spec.key.as_str();
            if ["num_batches_tracked", "_stage", "_count"]
                .iter()
                .any(|end| key.ends_with(end))
            {
                continue;
            }
            let (ours, theirs) = (values(&restored, key), values(&trained, key));
            let path = key.rsplit_once('.').map_or("", |(path, _)| path);
            // A learned convolution: its weight counts where the mask is 1, its norm where any group reads the channel.
            let learned = path
                .strip_suffix(".norm")
                .or(path.strip_suffix(".conv"))
                .unwrap_or(path);
            let mask = trained.tensors.get(&format!("{learned}._mask"));
            let counts: Vec<bool> = match mask.map(StoredTensor::to_f64) {
                Some(mask) if key.ends_with(".conv.weight") => {
                    mask.iter().map(|&kept| kept != 0.0).collect()
                }
                Some(mask) if path.ends_with(".norm") => {
                    let reads = |channel| {
                        mask.iter()
                            .skip(channel)
                            .step_by(theirs.len())
                            .any(|&kept| kept != 0.0)
                    };
                    (0..theirs.len()).map(reads).collect()
                }
                _ if key == "classifier.weight" => {
                    let inputs = trained.config.channels_after_last_block();
                    (0..theirs.len())
                        .map(|at| read.contains(&(at % inputs)))
                        .collect()
                }
                _ => vec![true; theirs.len()],
            };
            for (at, counts) in counts.into_iter().enumerate() {
                let does_nothing =
                    match key.ends_with(".norm.weight") || key.ends_with("running_var") {
                        true => 1.0,
                        false => 0.0,
                    };
                let expected = if counts { theirs[at] } else { does_nothing };
                assert_eq!(ours[at], expected, "{name}, {key}, position {at}");
            }
        }
        let key = "converted_eval_logits";
        let [off, _] = deviation(
            &restored,
            &golden("scripted_run", "eval_x"),
            &golden(name, key),
        );
        assert!(off <= 1e-5, "{name}: {off:.1e}");
    }
}

#[test]
fn a_network_in_training_form_is_told_so() {
    let error = weights("condensenet_g4c4").training_form().unwrap_err();
    assert_eq!(error, TrainingFormError::InTrainingForm);
}

#[test]
fn the_first_copy_of_a_norm_that_differs_is_named() {
    let mut weights = weights("converted_condensenet_g4c4");
    let path = "features.denseblock_2.denselayer_1.conv_1";
    let index = weights
        .tensors
        .get(&format!("{path}.index"))
        .unwrap()
        .to_i64();
    let again = (1..index.len())
        .find(|&at| index[..at].contains(&index[at]))
        .unwrap();
    let first = index
        .iter()
        .position(|&channel| channel == index[again])
        .unwrap();
    let key = format!("{path}.norm.running_mean");
    let tensor = weights.tensors.get(&key).unwrap();
    let mut values = tensor.to_f32();
    values[again] = values[first] + 0.5;
    let tensor = StoredTensor::from_f32(&[values.len()], &values);
    weights.tensors.insert(key.clone(), tensor);
    let error = weights.training_form().unwrap_err();
    assert_eq!(
        error,
        TrainingFormError::CopiesDiffer {
            key: key.clone(),
            channel: index[again] as usize,
            positions: [first, again],
            first: values[first].into(),
            second: values[again].into(),
        }
    );
    assert!(error.to_string().contains(&key), "{error}");
}

#[test]
fn a_channel_that_a_group_reads_twice_is_named() {
    let mut weights = weights("converted_condensenet_g4c4");
    let key = "features.denseblock_2.denselayer_1.conv_1.index";
    let mut index = weights.tensors.get(key).unwrap().to_i64();
    let per_group = index.len() / 4;
    index[per_group + 1] = index[per_group];
    let expected = format!("{key}: group 1 reads channel {} twice", index[per_group]);
    let tensor = StoredTensor::from_i64(&[index.len()], &index);
    weights.tensors.insert(key, tensor);
    let error = weights.training_form().unwrap_err().to_string();
    assert!(error.starts_with(&expected), "{error}");
}
