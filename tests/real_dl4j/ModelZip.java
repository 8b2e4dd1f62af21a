// SPDX-License-Identifier: Apache-2.0
// Deeplearning4j's half of model_zip.py, in the folder that is the only argument: loads what model_zip.c made, writes what it computes and
// what it saves of it, and makes files of its own. A line "counts NAME ITERATIONS EPOCHS" for each network, "refused NAME WHY" for what
// ModelSerializer does not write, and "FAIL ..." for each fault.
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.preprocessor.DataNormalization;
import org.nd4j.linalg.dataset.api.preprocessor.ImagePreProcessingScaler;
import org.nd4j.linalg.dataset.api.preprocessor.Normalizer;
import org.nd4j.linalg.dataset.api.preprocessor.NormalizerMinMaxScaler;
import org.nd4j.linalg.dataset.api.preprocessor.NormalizerStandardize;
import org.nd4j.linalg.dataset.api.preprocessor.VGG16ImagePreProcessor;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

public class ModelZip {
    static String folder;

    static Path path(String name) { return Path.of(folder, name); }
    static File file(String name) { return path(name).toFile(); }
    static INDArray read(String name) throws Exception { return RoundTrip.read(path(name)); }
    static void write(String name, INDArray a) throws Exception { RoundTrip.write(path(name), a); }

    static void fail(String what) { System.out.println("FAIL " + what); }

    static void near(String what, INDArray a, INDArray b, double most) {
        if (a.length() != b.length()) {
            fail(what + ": " + a.length() + " numbers, wanted " + b.length());
            return;
        }
        double d = RoundTrip.distance(a.reshape(-1), b.reshape(-1));
        if (!(d <= most))
            fail(what + " is apart by " + d);
    }

    static void counts(String name, Model m) {
        int i, e;
        if (m instanceof ComputationGraph) {
            i = ((ComputationGraph) m).getConfiguration().getIterationCount();
            e = ((ComputationGraph) m).getConfiguration().getEpochCount();
        } else {
            i = ((MultiLayerNetwork) m).getLayerWiseConfigurations().getIterationCount();
            e = ((MultiLayerNetwork) m).getLayerWiseConfigurations().getEpochCount();
        }
        System.out.println("counts " + name + " " + i + " " + e);
    }

    static void network(String name) throws Exception {
        Model m = RoundTrip.load(file(name + ".zip"));
        counts(name, m);
        near(name + ": what our file computes there", RoundTrip.output(m, read(name + ".x.npy")), read(name + ".y.npy"), 1e-5);
        if (Files.exists(path(name + ".fit_x.npy"))) {
            INDArray x = read(name + ".fit_x.npy"), y = read(name + ".fit_y.npy");
            ComputationGraph g = (ComputationGraph) m;
            for (int epoch = 0; epoch < 2; epoch++) {
                for (int at = 0; at < x.size(0); at += 4)
                    g.fit(new DataSet(x.get(NDArrayIndex.interval(at, at + 4)).dup(), y.get(NDArrayIndex.interval(at, at + 4)).dup()));
                g.incrementEpochCount();
            }
            counts(name + "_after", m);
        }
        write(name + ".there.npy", RoundTrip.output(m, read(name + ".x.npy")));
        ModelSerializer.writeModel(m, file(name + ".there.zip"), true);
    }

    static DataSet rows(String name) throws Exception { return new DataSet(read(name + ".x.npy"), read(name + ".labels.npy")); }

    // Ours is restored and applied; one that is learnt here takes its place in our file.
    static void normalizer(String name, DataNormalization own, boolean labels) throws Exception {
        DataNormalization restored = ModelSerializer.restoreNormalizerFromFile(file(name + ".zip"));
        DataSet d = rows(name);
        restored.transform(d);
        near(name + ": rows by our normalizer", d.getFeatures(), read(name + ".y.npy"), 1e-6);
        near(name + ": labels by our normalizer", d.getLabels(), read(name + ".labels_y.npy"), 1e-6);
        if (labels)
            own.fitLabel(true);
        own.fit(rows(name));
        if (!(own instanceof ImagePreProcessingScaler) && !own.equals(restored))
            near(name + ": rows by what is learnt", transformed(own, name).getFeatures(), d.getFeatures(), 1e-6);
        Files.copy(path(name + ".zip"), path(name + ".there.zip"), StandardCopyOption.REPLACE_EXISTING);
        ModelSerializer.addNormalizerToModel(file(name + ".there.zip"), own);
        RoundTrip.load(file(name + ".there.zip"));
        d = transformed(own, name);
        write(name + ".there.npy", d.getFeatures());
        write(name + ".there_labels.npy", d.getLabels());
    }

    static DataSet transformed(DataNormalization n, String name) throws Exception {
        DataSet d = rows(name);
        n.transform(d);
        return d;
    }

    // What has no serializer there has none here.
    static void refused(String name, Normalizer<?> n) throws Exception {
        Files.copy(path("n_image.zip"), path("refused.zip"), StandardCopyOption.REPLACE_EXISTING);
        try {
            ModelSerializer.addNormalizerToModel(file("refused.zip"), n);
            fail(name + " is written");
        } catch (RuntimeException e) {
            System.out.println("refused " + name + " " + e.getMessage().split("\n")[0]);
        }
    }

    static ComputationGraphConfiguration graph() {
        return new NeuralNetConfiguration.Builder().seed(3).graphBuilder().addInputs("in")
            .addLayer("pool", new SubsamplingLayer.Builder(SubsamplingLayer.PoolingType.MAX).kernelSize(2, 2).stride(2, 2).build(), "in")
            .addLayer("out", new LossLayer.Builder(LossFunction.MCXENT).activation(Activation.SOFTMAX).build(), "pool")
            .setOutputs("out").setInputTypes(InputType.convolutional(8, 6, 2)).build();
    }

    static MultiLayerConfiguration chain() {
        return new NeuralNetConfiguration.Builder().seed(3).list()
            .layer(new SubsamplingLayer.Builder(SubsamplingLayer.PoolingType.AVG).kernelSize(2, 2).stride(2, 2).build())
            .layer(new ActivationLayer(Activation.TANH))
            .layer(new LossLayer.Builder(LossFunction.MSE).activation(Activation.SOFTMAX).build())
            .setInputType(InputType.convolutional(8, 6, 2)).build();
    }

    static void theirs(String name, Model m, INDArray x) throws Exception {
        write(name + ".x.npy", x);
        write(name + ".there.npy", RoundTrip.output(m, x.dup()));
        ModelSerializer.writeModel(m, file(name + ".there.zip"), true);
    }

    // Of networks with layers but without parameters.
    static void configurations() throws Exception {
        Files.writeString(path("their_drawn_graph.json"), new NeuralNetConfiguration.Builder().seed(3).graphBuilder().addInputs("in")
            .addLayer("d", new DenseLayer.Builder().nIn(5).nOut(4).build(), "in")
            .addLayer("out", new OutputLayer.Builder().nIn(4).nOut(3).activation(Activation.SOFTMAX).build(), "d").setOutputs("out").build()
            .toJson());
        Files.writeString(path("their_drawn_chain.json"), new NeuralNetConfiguration.Builder().seed(3).list()
            .layer(new DenseLayer.Builder().nIn(5).nOut(4).build())
            .layer(new OutputLayer.Builder().nIn(4).nOut(3).activation(Activation.SOFTMAX).build()).build().toJson());
    }

    // With noParams.marker beside them: parameters are drawn.
    static void drawn() throws Exception {
        if (ModelSerializer.restoreComputationGraph(file("their_drawn_graph.zip")).params().length() != 39)
            fail("their_drawn_graph has other parameters");
        if (ModelSerializer.restoreMultiLayerNetwork(file("their_drawn_chain.zip")).params().length() != 39)
            fail("their_drawn_chain has other parameters");
    }

    public static void main(String[] arguments) throws Exception {
        folder = arguments[0];
        if (arguments.length > 1) { // what we saved of theirs
            for (String name : new String[] { "their_graph", "their_chain" })
                near(name + " there and back", RoundTrip.output(RoundTrip.load(file(name + ".back.zip")), read(name + ".x.npy")),
                     read(name + ".there.npy"), 0);
            drawn();
            return;
        }
        for (String name : new String[] { "no_params", "pads", "mixed" })
            network(name);
        normalizer("n_standardize", new NormalizerStandardize(), false);
        normalizer("n_standardize_labels", new NormalizerStandardize(), true);
        normalizer("n_minmax", new NormalizerMinMaxScaler(-1, 3), false);
        normalizer("n_minmax_labels", new NormalizerMinMaxScaler(), true);
        normalizer("n_image", new ImagePreProcessingScaler(0, 1, 4), false);
        refused("VGG16ImagePreProcessor", new VGG16ImagePreProcessor());
        ComputationGraph g = new ComputationGraph(graph());
        g.init();
        theirs("their_graph", g, read("no_params.x.npy"));
        MultiLayerNetwork n = new MultiLayerNetwork(chain());
        n.init();
        theirs("their_chain", n, read("no_params.x.npy"));
        configurations();
    }
}
