// SPDX-License-Identifier: Apache-2.0
// Training of Deeplearning4j on cases with weight noise that is certain, masks and rarer settings, for libdl4c to repeat.
// record FOLDER: makes a folder for each case with model.zip, data.bin (DataSet.save), numbers.txt (the score in inference, that of the
// first step, then each output in inference of the features and their mask), evaluation.txt where there are classes, and after.npy, the
// parameters after five steps. check FOLDER: where a case has ours.zip, trains that five steps, too, and compares.
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.distribution.ConstantDistribution;
import org.deeplearning4j.nn.conf.distribution.UniformDistribution;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.graph.MergeVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.GravesLSTM;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.conf.layers.recurrent.SimpleRnn;
import org.deeplearning4j.nn.conf.weightnoise.DropConnect;
import org.deeplearning4j.nn.conf.weightnoise.IWeightNoise;
import org.deeplearning4j.nn.conf.weightnoise.WeightNoise;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.lossfunctions.ILossFunction;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.nd4j.linalg.lossfunctions.impl.LossFMeasure;
import org.nd4j.linalg.lossfunctions.impl.LossMixtureDensity;
import org.nd4j.linalg.lossfunctions.impl.LossMultiLabel;

public class Training {
    static final int ROWS = 6, FEATURES = 5, TIME = 7, CLASSES = 3;
    static final Map<String, Object[]> cases = new LinkedHashMap<>();

    static NeuralNetConfiguration.Builder base() {
        return new NeuralNetConfiguration.Builder().seed(12345).updater(new Nesterovs(0.05, 0.9)).biasInit(0.1);
    }

    static INDArray values(int seed, long... shape) {
        Random r = new Random(seed);
        INDArray a = Nd4j.create(shape);
        for (long i = 0; i < a.length(); i++)
            a.putScalar(i, r.nextGaussian());
        return a;
    }

    static INDArray oneHot(int seed) {
        Random r = new Random(seed);
        INDArray a = Nd4j.zeros(ROWS, CLASSES);
        for (int i = 0; i < ROWS; i++)
            a.putScalar(i, r.nextInt(CLASSES), 1);
        return a;
    }

    static INDArray oneHotTimes(int seed) {
        Random r = new Random(seed);
        INDArray a = Nd4j.zeros(ROWS, CLASSES, TIME);
        for (int i = 0; i < ROWS; i++)
            for (int t = 0; t < TIME; t++)
                a.putScalar(i, r.nextInt(CLASSES), t, 1);
        return a;
    }

    // Ones and zeros, at least one 1 in each row.
    static INDArray mask(int seed, double share, long... shape) {
        Random r = new Random(seed);
        INDArray a = Nd4j.create(shape);
        long row = a.length() / shape[0];
        for (long i = 0; i < a.length(); i++)
            a.putScalar(i, r.nextDouble() < share || (i % row == 0 && row > 1) ? 1 : 0);
        return a;
    }

    // Each row runs for some of the times.
    static INDArray lengths(int seed) {
        Random r = new Random(seed);
        INDArray a = Nd4j.zeros(ROWS, TIME);
        for (int i = 0; i < ROWS; i++)
            for (int t = 0, n = 1 + r.nextInt(TIME); t < n; t++)
                a.putScalar(i, t, 1);
        return a;
    }

    static MultiLayerNetwork network(NeuralNetConfiguration.Builder b, InputType type, Layer... layers) {
        NeuralNetConfiguration.ListBuilder list = b.list();
        for (Layer l : layers)
            list.layer(l);
        MultiLayerNetwork n = new MultiLayerNetwork(list.setInputType(type).build());
        n.init();
        return n;
    }

    static final InputType ROW = InputType.feedForward(FEATURES), SEQUENCE = InputType.recurrent(FEATURES, TIME);

    static void add(String name, Model m, INDArray x, INDArray y, INDArray xMask, INDArray yMask) {
        cases.put(name, new Object[] { m, new DataSet(x, y, xMask, yMask) });
    }

    static Layer softmaxOutput() { return new OutputLayer.Builder(LossFunction.MCXENT).nOut(CLASSES).activation(Activation.SOFTMAX).build(); }
    static Layer softmaxTimes() { return new RnnOutputLayer.Builder(LossFunction.MCXENT).nOut(CLASSES).activation(Activation.SOFTMAX).build(); }

    static void noise(String name, IWeightNoise noise) {
        add("noise_" + name, network(base().weightNoise(noise).l2(0.01), ROW, new DenseLayer.Builder().nOut(8).activation(Activation.TANH).build(),
            softmaxOutput()), values(1, ROWS, FEATURES), oneHot(2), null, null);
    }

    static void noises() {
        noise("constant_added", new WeightNoise(new ConstantDistribution(0.25)));
        noise("constant_multiplied", new WeightNoise(new ConstantDistribution(0.5), false, false));
        noise("certain_drop", new DropConnect(1.0, true));
        IWeightNoise added = new WeightNoise(new ConstantDistribution(0.125));
        add("noise_convolution", network(base().weightNoise(added), InputType.convolutional(8, 8, 2),
            new ConvolutionLayer.Builder(3, 3).nOut(4).activation(Activation.RELU).build(), new BatchNormalization.Builder().build(), softmaxOutput()),
            values(3, ROWS, 2, 8, 8), oneHot(2), null, null);
        add("noise_lstm", network(base().weightNoise(added), SEQUENCE, new LSTM.Builder().nOut(4).build(), softmaxTimes()),
            values(4, ROWS, FEATURES, TIME), oneHotTimes(5), null, null);
        add("noise_graves", network(base().weightNoise(added), SEQUENCE, new GravesLSTM.Builder().nOut(4).build(), softmaxTimes()),
            values(4, ROWS, FEATURES, TIME), oneHotTimes(5), null, null);
        add("noise_simple_rnn", network(base().weightNoise(added), SEQUENCE, new SimpleRnn.Builder().nOut(4).build(), softmaxTimes()),
            values(4, ROWS, FEATURES, TIME), oneHotTimes(5), null, null);
    }

    static Layer recurrent(String kind) {
        return kind.equals("lstm") ? new LSTM.Builder().nOut(6).build()
            : kind.equals("graves") ? new GravesLSTM.Builder().nOut(6).build() : new SimpleRnn.Builder().nOut(6).build();
    }

    static void sequences() {
        for (String kind : new String[] { "lstm", "graves", "simple_rnn" }) {
            INDArray x = values(6, ROWS, FEATURES, TIME), y = oneHotTimes(7), m = lengths(8), holes = mask(9, 0.6, ROWS, TIME);
            add("mask_" + kind + "_labels", network(base(), SEQUENCE, recurrent(kind), softmaxTimes()), x, y, null, holes);
            add("mask_" + kind + "_features", network(base(), SEQUENCE, recurrent(kind), softmaxTimes()), x, y, m, null);
            add("mask_" + kind + "_both", network(base(), SEQUENCE, recurrent(kind), recurrent(kind), softmaxTimes()), x, y, holes, m);
        }
        INDArray x = values(6, ROWS, FEATURES, TIME), holes = mask(9, 0.6, ROWS, TIME);
        for (PoolingType type : new PoolingType[] { PoolingType.MAX, PoolingType.AVG, PoolingType.SUM, PoolingType.PNORM }) {
            add("mask_pool_" + type.name().toLowerCase(), network(base(), SEQUENCE, new LSTM.Builder().nOut(6).build(),
                new GlobalPoolingLayer.Builder(type).build(), softmaxOutput()), x, oneHot(2), holes, null);
            add("pool_" + type.name().toLowerCase(), network(base(), SEQUENCE, new SimpleRnn.Builder().nOut(6).build(),
                new GlobalPoolingLayer.Builder(type).build(), softmaxOutput()), x, oneHot(2), null, null);
        }
        add("mask_pool_rnn", network(base(), SEQUENCE, new SimpleRnn.Builder().nOut(6).build(), new ActivationLayer(Activation.CUBE),
            new GlobalPoolingLayer.Builder(PoolingType.AVG).build(), softmaxOutput()), x, oneHot(2), lengths(8), mask(10, 0.5, ROWS, 1));
        add("mask_times_each_output", network(base(), SEQUENCE, new LSTM.Builder().nOut(6).build(),
            new RnnOutputLayer.Builder(LossFunction.XENT).nOut(CLASSES).activation(Activation.SIGMOID).build()), x, oneHotTimes(7), null,
            mask(11, 0.6, ROWS, CLASSES, TIME));
        ComputationGraphConfiguration.GraphBuilder b = base().graphBuilder().addInputs("in").setInputTypes(SEQUENCE)
            .addLayer("a", new SimpleRnn.Builder().nOut(6).build(), "in").addLayer("b", new LSTM.Builder().nOut(6).build(), "in")
            .addVertex("sum", new ElementWiseVertex(ElementWiseVertex.Op.Add), "a", "b").addVertex("all", new MergeVertex(), "sum", "a")
            .addLayer("c", new SimpleRnn.Builder().nOut(4).build(), "all").addLayer("out", softmaxTimes(), "c").setOutputs("out");
        ComputationGraph g = new ComputationGraph(b.build());
        g.init();
        add("mask_graph", g, x, oneHotTimes(7), holes, lengths(8));
    }

    static void losses() {
        INDArray x = values(12, ROWS, FEATURES), half = Nd4j.create(ROWS, CLASSES);
        for (int i = 0; i < ROWS * CLASSES; i++)
            half.putScalar(i, 0.1 + 0.8 * new Random(i).nextDouble());
        INDArray signs = oneHot(13).mul(2).sub(1);
        INDArray rows = mask(14, 0.6, ROWS, 1), each = mask(15, 0.6, ROWS, CLASSES);
        for (LossFunction l : LossFunction.values()) {
            if (l == LossFunction.SPARSE_MCXENT)
                continue;
            boolean soft = l == LossFunction.MCXENT || l == LossFunction.NEGATIVELOGLIKELIHOOD;
            boolean sign = l == LossFunction.HINGE || l == LossFunction.SQUARED_HINGE;
            INDArray y = soft ? oneHot(13) : sign ? signs : half;
            Activation a = soft ? Activation.SOFTMAX : sign ? Activation.TANH : Activation.SIGMOID;
            String name = l.name().toLowerCase();
            Layer hidden = new DenseLayer.Builder().nOut(8).activation(Activation.TANH).build();
            add("mask_rows_" + name, network(base(), ROW, hidden, new OutputLayer.Builder(l).nOut(CLASSES).activation(a).build()), x, y, null, rows);
            if (!soft && l != LossFunction.COSINE_PROXIMITY)
                add("mask_outputs_" + name, network(base(), ROW, hidden, new OutputLayer.Builder(l).nOut(CLASSES).activation(a).build()), x, y,
                    null, each);
        }
        INDArray twoClasses = Nd4j.create(ROWS, 2);
        for (int i = 0; i < ROWS; i++)
            twoClasses.putScalar(i, i * i % 3 == 1 ? 1 : 0, 1);
        Layer hidden = new DenseLayer.Builder().nOut(8).activation(Activation.TANH).build();
        add("mask_rows_fmeasure", network(base(), ROW, hidden, new OutputLayer.Builder(new LossFMeasure()).nOut(2).activation(Activation.SOFTMAX)
            .build()), x, twoClasses, null, rows);
        add("mask_rows_multi_label", network(base(), ROW, hidden, new OutputLayer.Builder(new LossMultiLabel()).nOut(CLASSES)
            .activation(Activation.SIGMOID).build()), x, oneHot(13), null, rows);
        add("mask_rows_weighted", network(base(), ROW, hidden, new OutputLayer.Builder(new org.nd4j.linalg.lossfunctions.impl.LossMSE(
            Nd4j.create(new float[] { 1, 2, 0.5f }))).nOut(CLASSES).activation(Activation.TANH).build()), x, half, null, rows);
        add("mask_outputs_weighted", network(base(), ROW, hidden, new OutputLayer.Builder(new org.nd4j.linalg.lossfunctions.impl.LossMSE(
            Nd4j.create(new float[] { 1, 2, 0.5f }))).nOut(CLASSES).activation(Activation.TANH).build()), x, half, null, each);
        add("mask_loss_layer", network(base(), ROW, hidden, new DenseLayer.Builder().nOut(CLASSES).activation(Activation.IDENTITY).build(),
            new LossLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY).build()), x, half, null, rows);
    }

    static void others() {
        INDArray x = values(12, ROWS, FEATURES);
        Layer hidden = new DenseLayer.Builder().nOut(8).activation(Activation.TANH).build();
        for (int[] s : new int[][] { { 1, 1 }, { 3, 2 }, { 2, 4 } }) {
            int n = s[0] * (s[1] + 2);
            add("mixture_" + s[0] + "_" + s[1], network(base().updater(new Adam(0.02)), ROW, hidden, new OutputLayer.Builder(
                LossMixtureDensity.builder().gaussians(s[0]).labelWidth(s[1]).build()).nOut(n).activation(Activation.IDENTITY).build()), x,
                values(16, ROWS, s[1]), null, s[0] == 2 ? mask(14, 0.6, ROWS, 1) : null);
        }
        add("mixture_tanh", network(base(), ROW, hidden, new OutputLayer.Builder(
            LossMixtureDensity.builder().gaussians(2).labelWidth(3).build()).nOut(10).activation(Activation.TANH).build()), x, values(16, ROWS, 3), null, null);
        add("minimize_false", network(base().minimize(false), ROW, hidden, softmaxOutput()), x, oneHot(2), null, null);
        add("gain_init", network(base(), ROW, new DenseLayer.Builder().nOut(8).gainInit(3)
            .activation(Activation.TANH).build(), new BatchNormalization.Builder().gainInit(3).build(), softmaxOutput()), x, oneHot(2), null, null);
    }

    static INDArray output(Model m, DataSet d) {
        INDArray f = d.getFeaturesMaskArray();
        if (m instanceof ComputationGraph)
            return ((ComputationGraph) m).output(false, new INDArray[] { d.getFeatures() }, f == null ? null : new INDArray[] { f })[0];
        return ((MultiLayerNetwork) m).output(d.getFeatures(), false, f, null);
    }

    static double score(Model m, DataSet d) {
        return m instanceof ComputationGraph ? ((ComputationGraph) m).score(d, false) : ((MultiLayerNetwork) m).score(d, false);
    }

    static void fit(Model m, DataSet d) {
        if (m instanceof ComputationGraph)
            ((ComputationGraph) m).fit(d);
        else
            ((MultiLayerNetwork) m).fit(d);
    }

    static void record(File folder, String name, Model m, DataSet d) throws Exception {
        File out = new File(folder, name);
        out.mkdirs();
        ModelSerializer.writeModel(m, new File(out, "model.zip"), true);
        d.save(new File(out, "data.bin"));
        StringBuilder text = new StringBuilder();
        INDArray y = output(m, d).dup('c');
        text.append(score(m, d)).append('\n');
        boolean classes = d.getLabels().size(1) == CLASSES && y.size(1) == CLASSES && d.getLabels().maxNumber().doubleValue() == 1
            && d.getLabels().minNumber().doubleValue() == 0 && (d.getLabelsMaskArray() == null || (d.getLabels().rank() == 3 && d.getLabelsMaskArray().rank() == 2)); // of rows it fails there
        if (classes) {
            DataSetIterator it = new org.deeplearning4j.datasets.iterator.utilty.ListDataSetIterator<>(List.of(d.copy()), ROWS);
            Evaluation e = m instanceof ComputationGraph ? ((ComputationGraph) m).evaluate(it) : ((MultiLayerNetwork) m).evaluate(it);
            Files.write(new File(out, "evaluation.txt").toPath(), e.stats().getBytes(StandardCharsets.UTF_8));
        }
        for (int i = 0; i < 5; i++) {
            fit(m, d.copy());
            if (i == 0)
                text.append(m.score()).append('\n');
        }
        for (long i = 0; i < y.length(); i++)
            text.append(y.getDouble(i)).append('\n');
        Files.write(new File(out, "numbers.txt").toPath(), text.toString().getBytes(StandardCharsets.UTF_8));
        RoundTrip.write(new File(out, "after.npy").toPath(), m.params());
    }

    static String check(File at) throws Exception {
        Model m = RoundTrip.load(new File(at, "ours.zip"));
        DataSet d = new DataSet();
        d.load(new File(at, "data.bin"));
        for (int i = 0; i < 5; i++)
            fit(m, d.copy());
        double off = RoundTrip.distance(m.params(), RoundTrip.read(new File(at, "after.npy").toPath()).reshape(m.params().shape()));
        return off <= 1e-6 ? "ok" : "parameters after training differ by " + off;
    }

    public static void main(String[] arguments) throws Exception {
        File folder = new File(arguments[1]);
        if (arguments[0].equals("record")) {
            noises();
            sequences();
            losses();
            others();
            for (Map.Entry<String, Object[]> c : cases.entrySet()) {
                try {
                    record(folder, c.getKey(), (Model) c.getValue()[0], (DataSet) c.getValue()[1]);
                    System.out.println("RECORDED\t" + c.getKey());
                } catch (Throwable t) {
                    System.out.println("FAILED\t" + c.getKey() + "\t" + t.toString().split("\n")[0]);
                }
            }
            return;
        }
        List<File> folders = new ArrayList<>(List.of(folder.listFiles()));
        folders.sort(null);
        for (File at : folders) {
            if (!new File(at, "ours.zip").exists())
                continue;
            String result;
            try {
                result = check(at);
            } catch (Throwable t) {
                result = t.toString().split("\n")[0];
            }
            System.out.println("RESULT\t" + at.getName() + "\t" + result);
        }
    }
}
